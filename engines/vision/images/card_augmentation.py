"""Many squares varied at once where they lie, on a card, from the same distributions as torchvision's transforms draw
one picture after another.

What is drawn for a batch is a small table, made on the processor in well under a millisecond (torchvision takes a third
of one for a picture); the same table gives the same pixels, a level of 255 apart where one is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

GREY = (0.2989, 0.587, 0.114)
"""What red, green and blue count in torchvision's grey."""
BRIGHTNESS, CONTRAST, SATURATION = range(3)
"""As `v2.ColorJitter` numbers them."""
CROP, MIRROR, ORDER, FACTORS, ERASED = slice(0, 4), 4, slice(5, 8), slice(8, 11), slice(11, 15)
TRIES = 10
"""For a rectangle that fits; torchvision's transforms give up after as many."""
COLUMNS = 15
"""Of what is drawn for a picture: top, left, height and width of its crop; whether it is mirrored; which of the three
colour changes comes first, second and third, and the factor of each; top, left, height and width of what is erased."""
KNOWN = ((v2.RandomResizedCrop,), (v2.RandomHorizontalFlip,), (v2.ColorJitter,), (v2.RandomErasing,))


def steps(augment: v2.Transform) -> list[Any] | None:
    """The steps of an augmentation that can be done here: a random crop, and behind it a mirror, colours and an erased
    rectangle or some of these. None for another."""
    found = list(getattr(augment, "transforms", []))
    order = [next((n for n, kinds in enumerate(KNOWN) if isinstance(step, kinds)), -1) for step in found]
    is_known = order == sorted(set(order)) and order[:1] == [0]
    return found if is_known else None


def same_for_all(augment: v2.Transform) -> bool:
    """Whether it changes every picture alike: it can be done to many at once as it is."""
    found = list(getattr(augment, "transforms", [augment]))
    return all(isinstance(step, v2.CenterCrop | v2.Resize | v2.Identity) for step in found)


def all_varied(augment: v2.Transform, squares: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """uint8 (B, 3, stored, stored) -> (B, 3, size, size): each varied by an augmentation that can be done here."""
    found = steps(augment)
    if found is None:
        alike: Tensor = augment(squares)
        return alike
    how = drawn(found, len(squares), squares.shape[2], generator).to(squares.device, non_blocking=True)
    return varied(squares, how, size, colours=any(isinstance(step, v2.ColorJitter) for step in found))


# --- drawing --------------------------------------------------------------------------------------


def drawn(steps: Sequence[Any], n: int, stored: int, generator: torch.Generator) -> Tensor:
    """float32 (n, COLUMNS) for so many squares of `stored` pixels."""
    crop, how = steps[0], torch.zeros(n, COLUMNS)
    how[:, CROP] = _rectangles(crop, n, stored, generator, largest=stored, tall=-1.0)
    none = how[:, CROP][:, 2] == 0
    how[:, CROP] = torch.where(none[:, None], torch.tensor([0.0, 0.0, stored, stored]), how[:, CROP])
    how[:, ORDER], how[:, FACTORS] = torch.arange(3.0), 1.0
    for step in steps[1:]:
        if isinstance(step, v2.RandomHorizontalFlip):
            how[:, MIRROR] = (_uniform(n, 1, 0.0, 1.0, generator)[:, 0] < step.p).float()
        elif isinstance(step, v2.ColorJitter):
            how[:, ORDER] = torch.rand(n, 3, generator=generator).argsort(1).float()
            for kind, limits in enumerate((step.brightness, step.contrast, step.saturation)):
                if limits is not None:
                    how[:, FACTORS][:, kind] = _uniform(n, 1, limits[0], limits[1], generator)[:, 0]
        else:
            size = crop.size[0]
            erased = _rectangles(step, n, size, generator, largest=size - 1, tall=1.0)
            how[:, ERASED] = erased * (torch.rand(n, 1, generator=generator) < step.p)
    return how


def _rectangles(step: Any, n: int, side: int, generator: torch.Generator, *, largest: int, tall: float) -> Tensor:
    """float32 (n, 4): top, left, height, width within a square of `side` pixels, of an area and a shape as `step` has
    them; `tall`: 1 where its ratio is height to width, -1 where it is width to height. Of TRIES the first that is no
    longer than `largest` either way; zeros where none is."""
    area = side**2 * _uniform(n, TRIES, step.scale[0], step.scale[1], generator)
    low, high = (math.log(ratio) for ratio in step.ratio)
    ratio = _uniform(n, TRIES, low, high, generator).mul(tall).exp()
    height, width = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (height > 0) & (width > 0) & (height <= largest) & (width <= largest)
    first = fits.float().argmax(1, keepdim=True)
    height, width, fit = (each.gather(1, first)[:, 0] for each in (height, width, fits.float()))
    top, left = torch.rand(2, n, generator=generator)
    found = [(top * (side - height + 1)).floor(), (left * (side - width + 1)).floor(), height, width]
    return torch.stack(found, dim=1) * fit[:, None]


def _uniform(n: int, m: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, m, generator=generator) * (high - low) + low


# --- doing ----------------------------------------------------------------------------------------


def varied(squares: Tensor, how: Tensor, size: int, *, colours: bool = True) -> Tensor:
    """uint8 (B, 3, stored, stored), float32 (B, COLUMNS) on the same device -> float32 (B, 3, size, size), whole
    numbers of 0 to 255. Asks the device nothing."""
    top, left, height, width = how[:, CROP].unbind(1)
    rows = resizing(top, height, size, squares.shape[2])  # (B, size, stored)
    columns = resizing(left, width, size, squares.shape[3])
    columns = torch.where(how[:, MIRROR, None, None] > 0, columns.flip(1), columns)
    pixels = (rows[:, None] @ squares.float() @ columns[:, None].transpose(2, 3)).round_().clamp_(0, 255)
    if colours:
        pixels = _coloured(pixels, how)
    return pixels.masked_fill_(_within(how[:, ERASED], size)[:, None], 0.0)


def resizing(start: Tensor, length: Tensor, size: int, stored: int) -> Tensor:
    """float32 (B, size, stored): what each pixel of a row of `size` takes from a row of `stored` pixels, of which those
    from `start` on, so many as `length`, are resized. Both float32 (B,).

    Bilinear, smoothed where it shrinks, as PyTorch's `interpolate(antialias=True)` (after Pillow) has it.
    """
    scale = length / size  # (B,)
    middles = (torch.arange(size, device=start.device) + 0.5)[None] * scale[:, None]  # (B, size), from `start` on
    at = torch.arange(stored, device=start.device)[None] - start[:, None]  # (B, stored)
    apart = (at[:, None] + 0.5 - middles[:, :, None]).abs() / scale.clamp_min(1.0)[:, None, None]
    inside = (at >= 0) & (at < length[:, None])
    weights = (1.0 - apart).clamp_min(0.0) * inside[:, None]
    return weights / weights.sum(2, keepdim=True)


def _coloured(pixels: Tensor, how: Tensor) -> Tensor:
    """Brightness, contrast and saturation by their factors, in each picture's own order; each rounds down, as
    torchvision's does."""
    order, factors = how[:, ORDER], how[:, FACTORS]
    for place in range(3):
        kind = order[:, place, None, None, None]  # (B, 1, 1, 1)
        factor = factors.gather(1, order[:, place, None].long())[:, :, None, None]
        grey = sum(share * pixels[:, channel, None] for channel, share in enumerate(GREY))
        assert isinstance(grey, Tensor)
        grey = grey.floor()
        mean = grey.mean((1, 2, 3), keepdim=True)
        towards = torch.where(kind == CONTRAST, mean, torch.where(kind == SATURATION, grey, torch.zeros_like(grey)))
        pixels = (pixels * factor + towards * (1 - factor)).clamp(0, 255).floor_()
    return pixels


def _within(boxes: Tensor, size: int) -> Tensor:
    """bool (B, size, size): the pixels in float (B, 4): top, left, height, width."""
    at = torch.arange(size, device=boxes.device)[None]
    top, left, height, width = boxes[:, :, None].unbind(1)  # (B, 1) each
    down, across = (at >= top) & (at < top + height), (at >= left) & (at < left + width)
    return down[:, :, None] & across[:, None, :]
