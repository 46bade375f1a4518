"""How features are brought to one scale before a head learns on them, and where it begins."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEW_SHOTS = 5
"""Examples of a class up to which a standard deviation is mostly noise (docs/few_labels.md)."""


def scaling(activations: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What is taken off features float32 (N, V, D) and what they are divided by, (D,) each.

    Mean and standard deviation; where no class has more than FEW_SHOTS examples, the mean and one number for all
    features, which makes their mean length that of standardised ones.
    """
    if int(torch.bincount(labels).max()) > FEW_SHOTS:
        return standardisation(activations)
    flat = activations.flatten(0, 1)
    shift = flat.mean(0)
    length = (flat - shift).norm(dim=1).mean() / flat.shape[1] ** 0.5
    return shift, length.clamp_min(1e-6).repeat(flat.shape[1])


def standardisation(activations: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (D,) of features float32 (N, V, D)."""
    flat = activations.flatten(0, 1)
    return flat.mean(0), flat.std(0).clamp_min(1e-3)


def fold(head: nn.Linear, shift: Tensor, scale: Tensor) -> None:
    """Makes a head that was fitted on (x - shift) / scale read x itself, in place."""
    with torch.no_grad():
        head.weight.div_(scale.to(head.weight.device))
        head.bias.sub_(head.weight @ shift.to(head.weight.device))


def reset(head: nn.Linear, *_unused: Tensor) -> None:
    """Zeros: every class starts equally likely, and no seed matters."""
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
