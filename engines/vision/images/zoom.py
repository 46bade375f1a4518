"""Pictures shown larger or smaller than they are, with what is marked on them: scale jitter."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

SEEN = 0.3
"""Share of a box that must still be in the picture."""
SMALLEST = 2.0
"""Pixels that the shorter side of a box must still have."""


def drawn(n: int, size: int, jitter: float, generator: torch.Generator) -> Tensor:
    """float32 (n, 3): how `n` squares of `size` pixels are shown: a factor in [1 - jitter, 1 + jitter], and where the
    left and the upper edge of the whole picture come to lie, in pixels; a smaller one within the square, of a larger
    one no edge within it."""
    factors, left, top = torch.rand(3, n, generator=generator)
    factors = 1 + jitter * (2 * factors - 1)
    smaller = (size * factors).round().clamp(1, size)  # side of the whole picture, where it is shown smaller
    part = (size / factors).round().clamp(1, size)  # side of what is shown of it, where it is shown larger
    exact = torch.where(factors < 1, smaller / size, size / part)
    corners = [
        torch.where(factors < 1, (share * (size - smaller + 1)).floor(), -(share * (size - part + 1)).floor() * exact)
        for share in (left, top)
    ]
    return torch.stack([exact, *corners], dim=1)


def zoomed(pictures: Tensor, how: Tensor) -> Tensor:
    """float32 (B, 3, S, S), shown as `drawn` says; around a smaller one lies the mean colour of its own edge."""
    found, size = torch.empty_like(pictures), pictures.shape[3]
    for number, (picture, (factor, left, top)) in enumerate(zip(pictures, how.tolist(), strict=True)):
        if factor < 1:
            side, x, y = round(size * factor), round(left), round(top)
            edge = torch.cat([picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]], dim=1)
            found[number] = edge.mean(1)[:, None, None]
            found[number, :, y : y + side, x : x + side] = F.resize(picture, [side, side], antialias=True)
        else:
            side, x, y = round(size / factor), round(-left / factor), round(-top / factor)
            found[number] = F.resize(picture[:, y : y + side, x : x + side], [size, size], antialias=True)
    return found


def along(boxes: Tensor, labels: Tensor, how: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The boxes float32 (B, M, 4), x0 y0 x1 y1, on squares that are shown as `drawn` says, and their labels int64
    (B, M); -1 where there is none. What is cut at the edge ends there; what is hardly seen any more is no box."""
    moved = boxes * how[:, :1, None] + how[:, 1:].repeat(1, 2)[:, None]
    cut = moved.clamp(0, size)
    sides = cut[..., 2:] - cut[..., :2]
    share = sides.prod(2) / (moved[..., 2:] - moved[..., :2]).prod(2).clamp_min(1e-6)
    there = (labels >= 0) & (share >= SEEN) & (sides.amin(2) >= SMALLEST)
    order = (~there).to(torch.uint8).argsort(dim=1, stable=True)  # those that are left stand first
    kept = there.gather(1, order)
    cut = cut.gather(1, order[..., None].expand(-1, -1, 4)) * kept[..., None]
    return cut, torch.where(kept, labels.gather(1, order), -1)
