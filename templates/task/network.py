"""The network by itself. An exported model and an exported script take this very file along: it needs torch alone.

To change: the layers. What is frozen or learns together is one stage; the last one gives a vector an example.
"""

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Three stages of convolutions and a linear head: float32 (B, T) -> logits float32 (B, classes)."""

    def __init__(self, classes: int):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(nn.Unflatten(1, (1, -1)), nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2)),
                nn.Sequential(nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)),
                nn.Sequential(nn.Conv1d(32, 64, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten()),
            ]
        )
        self.head = nn.Linear(64, classes)

    def forward(self, signals: Tensor) -> Tensor:
        for stage in self.stages:
            signals = stage(signals)
        logits: Tensor = self.head(signals)
        return logits


def standardised(signals: Tensor) -> Tensor:
    """What the network reads, float32 (B, T): each signal with mean 0 and deviation 1; 0 where it is constant."""
    centred = signals.double() - signals.double().mean(1, keepdim=True)
    spread = centred.std(1, keepdim=True)
    return (centred / torch.where(spread > 0, spread, 1.0)).float()
