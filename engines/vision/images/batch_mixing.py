"""Pictures mixed with one another, in pairs, while a whole network learns."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms import v2

from engines.training.loop import BatchMix

ALPHA = {"mixup": 0.2, "cutmix": 1.0}
"""Of the Beta distribution that the shares are drawn from (Zhang et al. 2018, Yun et al. 2019, for ImageNet)."""


def mixing(kind: str, classes: int) -> BatchMix | None:
    """None where `kind` is 'none'. Each picture of a batch is mixed with the one before it, in one share for all."""
    if kind == "none":
        return None
    transform = (v2.MixUp if kind == "mixup" else v2.CutMix)(alpha=ALPHA[kind], num_classes=classes)

    def mix(inputs: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        with torch.random.fork_rng(devices=[]):  # the transform draws from the global generator
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
            mixed, shares = transform(inputs, labels)
        return mixed, shares

    return mix
