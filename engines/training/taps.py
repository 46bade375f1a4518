"""Maps of several stages of a network, handed on together: what a feature pyramid reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Taps:
    """Maps kept on the way, and last the one that the next stage reads."""

    maps: tuple[Tensor, ...]
    """float (B, C, H, W) each."""

    def to(self, device: torch.device) -> Taps:
        return Taps(tuple(each.to(device) for each in self.maps))

    @property
    def shapes(self) -> tuple[torch.Size, ...]:
        """(C, H, W) of each."""
        return tuple(each.shape[1:] for each in self.maps)

    def flat(self) -> Tensor:
        """float (B, D): all of an example's numbers in a row."""
        return torch.cat([each.flatten(1) for each in self.maps], dim=1)

    @classmethod
    def of(cls, flat: Tensor, shapes: Sequence[torch.Size]) -> Taps:
        """From `flat`, with channels side by side, as convolutions like them."""
        parts = flat.split([shape.numel() for shape in shapes], dim=1)
        maps = (part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True))
        return cls(tuple(each.contiguous(memory_format=torch.channels_last) for each in maps))
