"""From files to network inputs: decoded once into small squares on disk, then varied on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from engines.contract import InputError, Problem, Run
from engines.messages import _
from engines.training import array_cache
from engines.training.examples import Labelled, Pace
from engines.vision.images import card_augmentation, reading

READING = _("torchvision, bicubic")
"""Changes with how pixels are computed: what was computed otherwise is not found in the cache."""

DECODERS = 4
"""Threads that decode: Pillow lets go of the interpreter lock while it does."""


@dataclass(frozen=True)
class InputFormat:
    """How a picture becomes a network's input."""

    size: int
    """Pixels of the square input."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    framing: str
    """'pad' keeps the whole picture on a background of its own edge colour; 'crop' keeps the middle square."""
    crop: float = 0.875
    """Part of the stored square's side that a plain 'crop' input shows."""
    white: float | None = None
    """The value that is white in grey of more than 8 bits; None for 65535."""

    @property
    def stored(self) -> int:
        """Pixels of the square that is kept on disk: a little more than the input, for random crops."""
        return round(self.size / self.crop)

    def square(self, image: Image.Image) -> np.ndarray:
        """The RGB picture as a square: uint8 (stored, stored, 3).

        Resized by torchvision, which uses the processor's vector instructions; Pillow takes four times as long.
        """
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)  # uint8 (3, height, width)
        if self.framing == "crop":
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            return shrunk(pixels[:, top : top + side, left : left + side], self.stored, self.stored)
        scale = self.stored / max(image.size)
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        left, top = (self.stored - width) // 2, (self.stored - height) // 2
        canvas = np.empty((self.stored, self.stored, 3), np.uint8)
        canvas[0] = edge_colour(pixels)
        canvas[1:] = canvas[0]
        canvas[top : top + height, left : left + width] = shrunk(pixels, height, width)
        return canvas

    def read(self, path: Path) -> np.ndarray:
        """uint8 (stored, stored, 3). Raises images.UnreadableImage."""
        return self.square(reading.read(path, self.stored, self.white))

    def plain(self, squares: Tensor) -> Tensor:
        """uint8 (B, 3, stored, stored) -> float32 (B, 3, size, size), normalised."""
        if self.framing == "crop":
            return self.normalise(F.center_crop(squares, [self.size, self.size]))
        return self.normalise(F.resize(squares, [self.size, self.size], antialias=True))

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 (B, 3, H, W), or whole numbers as floats -> float32 (B, 3, H, W), channels last."""
        width, on = pixels.shape[3], pixels.device
        mean, std = (torch.tensor(values, device=on).repeat(width) for values in (self.mean, self.std))  # (W * 3,)
        rows = pixels.permute(0, 2, 3, 1).flatten(2).float()  # (B, H, W * 3): long rows, which vector units like
        return rows.div_(255).sub_(mean).div_(std).unflatten(2, (width, 3)).permute(0, 3, 1, 2)


def shrunk(pixels: Tensor, height: int, width: int) -> np.ndarray:
    """uint8 (3, H, W) resized: uint8 (height, width, 3)."""
    bicubic = v2.InterpolationMode.BICUBIC
    return F.resize(pixels, [height, width], bicubic, antialias=True).permute(1, 2, 0).numpy()


def edge_colour(pixels: Tensor) -> np.ndarray:
    """The mean colour of the outermost pixels of uint8 (3, H, W): uint8 (3,)."""
    edge = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], dim=1)
    return edge.double().mean(1).round().to(torch.uint8).numpy()


SMALLEST_CROP = {"none": 1.0, "light": 0.6, "strong": 0.35, "randaugment": 0.6}
"""Kind of augmentation -> the least part of a picture that is shown."""


def augmentation(kind: str, format: InputFormat, flip: bool) -> v2.Transform:
    """Random variation of one square, uint8 (3, stored, stored) -> uint8 (3, size, size)."""
    size = format.size
    scale = (SMALLEST_CROP[kind], 1.0)
    steps: list[v2.Transform] = [v2.RandomResizedCrop(size, scale=scale, ratio=(0.9, 1.11), antialias=True)]
    if kind == "none":
        steps = [v2.CenterCrop(size) if format.framing == "crop" else v2.Resize([size, size], antialias=True)]
    elif flip:
        steps.append(v2.RandomHorizontalFlip())
    if kind == "strong":
        steps += [v2.ColorJitter(0.3, 0.3, 0.3), v2.RandomErasing(0.25, scale=(0.02, 0.15))]
    elif kind == "randaugment":
        steps.append(v2.RandAugment())
    return v2.Compose(steps)


LOOKS = {"none": ("",), "flip": ("", "flip"), "five-crop": ("", *map(str, range(5)))}
"""Setting `test_time` -> the looks that are averaged: '' is the picture as it is, a number one of five crops."""


def look(squares: Tensor, format: InputFormat, kind: str) -> Tensor:
    """uint8 (B, 3, stored, stored) -> float32 (B, 3, size, size), seen in one of the ways of LOOKS."""
    if kind == "":
        return format.plain(squares)
    if kind == "flip":
        return F.horizontal_flip(format.plain(squares))
    return format.normalise(F.five_crop(squares, [format.size, format.size])[int(kind)])


@dataclass
class Photos(Labelled):
    """Decoded pictures as training examples (see `training.examples.Examples`)."""

    squares: Later | _Rows
    """uint8 (N, stored, stored, 3), memory-mapped once somebody looks."""
    labels: Tensor
    digests: np.ndarray
    """The SHA-256 of each file, str (N,): what is cached of a picture is filed under it."""
    format: InputFormat
    augment: v2.Transform
    variation: str
    look: str = ""
    """How `plain` sees them: one of `LOOKS`."""
    there: Tensor | None = field(default=None, repr=False)
    """The same squares where they lie on a card: a batch of them is varied there."""

    @property
    def made_slowly(self) -> bool:
        return self.there is None

    @property
    def identity(self) -> str:
        return array_cache.key(READING, self.format, list(self.digests), *([self.look] if self.look else []))

    def plain(self, indices: Tensor) -> Tensor:
        return look(self.pixels(indices), self.format, self.look)

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        pixels = self.pixels(indices)
        if self.there is not None:
            return self.format.normalise(
                card_augmentation.all_varied(self.augment, pixels, self.format.size, generator)
            )
        with torch.random.fork_rng(devices=[]):  # torchvision's transforms draw from the global generator
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
            return self.format.normalise(torch.stack([self.augment(square) for square in pixels]))

    @property
    def card_bytes(self) -> int:
        return len(self) * 3 * self.format.stored**2

    @property
    def may_halve(self) -> bool:
        return False

    def on_card(self, device: torch.device, *, half: bool = False) -> Photos:
        """Their squares on the card, varied there; themselves where only one picture at a time can be varied."""
        del half
        if card_augmentation.steps(self.augment) is None and not card_augmentation.same_for_all(self.augment):
            return self
        there = torch.empty(len(self), *(self.format.stored,) * 2, 3, dtype=torch.uint8, device=device)
        for some in torch.arange(len(self)).split(256):
            there[some[0] : some[-1] + 1].copy_(self.pixels(some).permute(0, 2, 3, 1))
        return replace(self, there=there)

    def subset(self, chosen: Tensor) -> Photos:
        rows = chosen.numpy()
        there = None if self.there is None else self.there[chosen.to(self.there.device)]
        squares = _Rows(self.squares, rows)
        return replace(self, squares=squares, labels=self.labels[chosen], digests=self.digests[rows], there=there)

    def pixels(self, indices: Tensor) -> Tensor:
        """uint8 (B, 3, stored, stored)."""
        if self.there is not None:
            return self.there[indices.to(self.there.device, non_blocking=True)].permute(0, 3, 1, 2)
        chosen = np.ascontiguousarray(self.squares[indices.numpy()])
        mapped = self.squares
        while isinstance(mapped, _Rows):
            mapped = mapped.array
        array_cache.let_go(mapped.array)
        return torch.from_numpy(chosen).permute(0, 3, 1, 2)


@dataclass
class Later:
    """An array that is made when it is first looked at."""

    make: Callable[[], np.ndarray]

    @cached_property
    def array(self) -> np.ndarray:
        return self.make()

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.array[indices]


@dataclass
class _Rows:
    """Some rows of a memory-mapped array, read only when asked for."""

    array: Later | _Rows
    rows: np.ndarray

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.array[self.rows[indices]]


def decode(paths: Sequence[Path], format: InputFormat, *, name: str, run: Run, unit: str, title: str) -> np.ndarray:
    """All pictures as squares: uint8 (N, stored, stored, 3), memory-mapped.

    They are kept in the cache under `name`, which must change with the pictures and their order: a second run on
    the same data decodes nothing. Raises Cancelled, and InputError for a picture that was readable when the data
    were checked and no longer is.
    """

    def fill(target: np.ndarray) -> None:
        run.emit("phase", name="reading", title=title)
        pace = Pace(len(paths), unit)
        with ThreadPoolExecutor(DECODERS) as pool:
            for start in range(0, len(paths), 64):
                run.check_cancelled()
                chunk = paths[start : start + 64]
                for i, square in enumerate(pool.map(lambda path: _square(path, format), chunk), start):
                    target[i] = square
                array_cache.let_go(target)
                pace.step(len(chunk), lambda **numbers: run.emit("progress", phase="reading", **numbers))

    shape = (len(paths), format.stored, format.stored, 3)
    squares, _ = array_cache.array(array_cache.key("squares", READING, name, format), shape, np.dtype("uint8"), fill)
    return squares


def _square(path: Path, format: InputFormat) -> np.ndarray:
    try:
        return format.read(path)
    except reading.UnreadableImage as error:
        problem = Problem(
            path.name,
            _("the file {error}, which it was not a moment ago", error=error),
            _("put it back or check the data again"),
        )
        raise InputError(problem) from None
