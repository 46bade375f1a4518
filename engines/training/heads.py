"""How features are brought to one scale before a head learns on them."""

from __future__ import annotations

import torch
from torch import Tensor

FEW_SHOTS = 5
"""Examples of a class up to which a standard deviation is mostly noise: features are then only brought to a common
length (docs/few_labels.md)."""


def scaling(activations: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What is taken off features float32 (N, V, D) and what they are divided by, (D,) each.

    Mean and standard deviation; where no class has more than FEW_SHOTS examples, nothing and one number, which makes
    their mean length that of standardised ones.
    """
    if int(torch.bincount(labels).max()) > FEW_SHOTS:
        return standardisation(activations)
    flat = activations.flatten(0, 1)
    length = flat.norm(dim=1).mean() / flat.shape[1] ** 0.5
    return torch.zeros(flat.shape[1]), length.clamp_min(1e-6).repeat(flat.shape[1])


def standardisation(activations: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (D,) of features float32 (N, V, D)."""
    flat = activations.flatten(0, 1)
    return flat.mean(0), flat.std(0).clamp_min(1e-3)
