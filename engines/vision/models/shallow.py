"""The first blocks of an image network of timm and a linear layer on what they see. This file stands alone: beside an
exported model of a few blocks it is what the model is loaded with. It needs torch and timm, nothing of Headstart."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from torch import Tensor, nn


class Shallow(nn.Module):
    """`backbone` up to the last of `steps`, its layers (or methods) one after another; their output averaged over the
    places of the picture; a linear layer. What none of the steps needs is taken out of `backbone`."""

    def __init__(self, backbone: Any, steps: Sequence[str], width: int, classes: int):
        super().__init__()
        self.backbone, self.steps = backbone, tuple(steps)
        prune(backbone, {id(part) for step in steps if isinstance(part := attrgetter(step)(backbone), nn.Module)})
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of pictures (B, 3, S, S)."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = attrgetter(step)(self.backbone)(x)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        seen = averaged(x)
        return seen if pre_logits else self.classifier(seen)

    def get_classifier(self) -> nn.Linear:
        return self.classifier


def averaged(x: Tensor) -> Tensor:
    """float (B, D), the mean over places: of a map (B, D, H, W), or of tokens (B, T, D)."""
    return x.mean((2, 3)) if x.ndim == 4 else x.mean(1)


def prune(module: nn.Module, used: set[int]) -> None:
    """Takes out of `module`, in place, what has weights and neither is one of the `used` modules nor holds one."""
    for name, part in module.named_children():
        if id(part) in used:
            continue
        if any(id(inner) in used for inner in part.modules()):
            prune(part, used)
        elif any(True for _ in part.parameters()):
            setattr(module, name, nn.Identity())
