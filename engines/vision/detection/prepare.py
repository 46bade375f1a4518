"""Pictures and their boxes as a detector learns them: decoded once, and varied together."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from engines.contract import InputError, ModelCard, Problem, Recipe, Run
from engines.messages import _
from engines.training.activation_cache import Cached
from engines.training.devices import derived_seed
from engines.training.examples import Labelled, Varied
from engines.vision.detection.annotated import AnnotatedPicture
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.networks import families
from engines.vision.detection.networks.decode import on_square
from engines.vision.detection.networks.loss import Boxes
from engines.vision.detection.opening import Opened, open_data
from engines.vision.detection.settings import DetectionSettings
from engines.vision.images import zoom
from engines.vision.images.transforms import InputFormat, Later, Photos, decode

UNIT = "pictures"
LARGEST_STRIDE = 32
SCALED_SHARE = 0.5
"""Of the pictures of a batch that are shown in another size, where sizes vary."""


class WithBoxes:
    """What examples with boxes have in common."""

    boxes: Boxes

    def __len__(self) -> int:
        return len(self.boxes)

    def targets(self, indices: Tensor) -> Boxes:
        return self.boxes[indices]

    def weight(self, indices: Tensor) -> float:
        return len(indices)


@dataclass
class Pictures(WithBoxes):
    """Pictures with their boxes (see `training.examples.Examples`)."""

    photos: Photos
    boxes: Boxes
    flip: bool
    scale_jitter: float = 0.0
    lengths: Tensor | None = None
    may_halve = False

    @property
    def card_bytes(self) -> int:
        return self.photos.card_bytes

    @property
    def made_slowly(self) -> bool:
        return self.photos.made_slowly

    def on_card(self, device: torch.device, *, half: bool = False) -> Pictures:
        return replace(self, photos=self.photos.on_card(device, half=half))

    @property
    def identity(self) -> str:
        return self.photos.identity

    @property
    def variation(self) -> str:
        return ("flip" if self.flip else "") + (f" {self.scale_jitter}" if self.scale_jitter else "")

    @property
    def size(self) -> int:
        return self.photos.format.size

    def plain(self, indices: Tensor) -> Tensor:
        return self.photos.plain(indices)

    def varied(self, indices: Tensor, generator: torch.Generator) -> Varied:
        which, inputs = drawn_mirrors(indices, self.flip, generator), self.photos.plain(indices)
        turned = positions(which)
        inputs[turned] = inputs[turned].flip(3)
        boxes = self.boxes[indices].mirrored(which, self.size)
        if self.scale_jitter:
            scaled = positions(torch.rand(len(indices), generator=generator) < SCALED_SHARE)
            how = zoom.drawn(len(scaled), self.size, self.scale_jitter, generator)
            inputs[scaled] = zoom.zoomed(inputs[scaled], how.to(inputs.device))
            boxes = put(boxes, scaled, along(boxes[scaled], how, self.size))
        return Varied(inputs, boxes)

    def subset(self, chosen: Tensor) -> Pictures:
        return replace(self, photos=self.photos.subset(chosen), boxes=self.boxes[chosen])


class Resized(Labelled):
    """Pictures in other sizes, some mirrored, each always the same: what a frozen part sees of them is kept."""

    def __init__(self, pictures: Pictures, number: int):
        """`number`: which of these views it is; every other one is of mirrored pictures."""
        look = "flip" if pictures.flip and number % 2 else ""
        self.photos, self.labels = replace(pictures.photos, look=look), pictures.photos.labels
        seeds = [derived_seed("sizes", number, digest) for digest in pictures.photos.digests]
        drawn = [zoom.drawn(1, pictures.size, pictures.scale_jitter, torch.Generator().manual_seed(s)) for s in seeds]
        self.how = torch.cat(drawn) if drawn else torch.zeros(0, 3)
        boxes = pictures.boxes.mirrored(torch.full((len(pictures),), bool(look)), pictures.size)
        self.boxes = along(boxes, self.how, pictures.size)
        self.name, self.variation = f"{pictures.scale_jitter} {number}", ""

    @property
    def identity(self) -> str:
        return f"{self.photos.identity} {self.name}"

    def subset(self, chosen: Tensor) -> Resized:
        found = copy.copy(self)
        found.photos, found.labels = self.photos.subset(chosen), self.labels[chosen]
        found.how, found.boxes = self.how[chosen], self.boxes[chosen]
        return found

    def plain(self, indices: Tensor) -> Tensor:
        return zoom.zoomed(self.photos.plain(indices), self.how[indices])

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        return self.plain(indices)


def along(boxes: Boxes, how: Tensor, size: int) -> Boxes:
    """Boxes on pictures that are shown as `zoom.drawn` says."""
    return Boxes(*zoom.along(boxes.boxes, boxes.labels, how, size))


def put(boxes: Boxes, where: Tensor, others: Boxes) -> Boxes:
    """`boxes` with the `others` at the positions int64 (K,)."""
    return Boxes(boxes.boxes.index_copy(0, where, others.boxes), boxes.labels.index_copy(0, where, others.labels))


@dataclass
class Behind(WithBoxes):
    """Pictures as the frozen part sees them, as they are and mirrored, and in other sizes, with their boxes."""

    seen: Cached
    mirrored: Cached | None
    boxes: Boxes
    size: int
    resized: tuple[tuple[Cached, Boxes], ...] = ()
    lengths: Tensor | None = None
    identity: str = ""
    variation: str = ""
    may_halve = True

    @property
    def parts(self) -> list[Cached]:
        return [self.seen, *([] if self.mirrored is None else [self.mirrored]), *(seen for seen, _own in self.resized)]

    @property
    def card_bytes(self) -> int:
        return sum(part.card_bytes for part in self.parts)

    @property
    def made_slowly(self) -> bool:
        return any(part.made_slowly for part in self.parts)

    def on_card(self, device: torch.device, *, half: bool = False) -> Behind:
        seen, *others = [part.on_card(device, half=half) for part in self.parts]
        mirrored = None if self.mirrored is None else others.pop(0)
        resized = tuple((part, boxes) for part, (_, boxes) in zip(others, self.resized, strict=True))
        return replace(self, seen=seen, mirrored=mirrored, resized=resized)

    def plain(self, indices: Tensor) -> object:
        return self.seen.plain(indices)

    def varied(self, indices: Tensor, generator: torch.Generator) -> Varied:
        which = drawn_mirrors(indices, self.mirrored is not None, generator)
        found = self.seen.activations[indices, 0]
        if self.mirrored is not None:
            turned = positions(which)
            found[turned] = self.mirrored.activations[indices[turned], 0]
        boxes = self.boxes[indices].mirrored(which, self.size)
        if self.resized:
            scaled = torch.rand(len(indices), generator=generator) < SCALED_SHARE
            views = torch.randint(len(self.resized), (len(indices),), generator=generator)
            for number, (seen, own) in enumerate(self.resized):
                there = positions(scaled & (views == number))
                found[there] = seen.activations[indices[there], 0]
                boxes = put(boxes, there, own[indices[there]])
        return Varied(self.seen.handed_on(found), boxes)

    def subset(self, chosen: Tensor) -> Behind:
        mirrored = self.mirrored and self.mirrored.subset(chosen)
        resized = tuple((seen.subset(chosen), boxes[chosen]) for seen, boxes in self.resized)
        seen, boxes = self.seen.subset(chosen), self.boxes[chosen]
        return replace(self, seen=seen, mirrored=mirrored, boxes=boxes, resized=resized)


def drawn_mirrors(indices: Tensor, flip: bool, generator: torch.Generator) -> Tensor:
    """bool (B,): which of these are seen as in a mirror."""
    drawn = torch.rand(len(indices), generator=generator) < 0.5
    return drawn if flip else torch.zeros_like(drawn)


def positions(which: Tensor) -> Tensor:
    """int64 (K,): where bool (B,) is true. As numbers of Python's: a card that is asked by a mask is waited for."""
    return torch.tensor([i for i, is_so in enumerate(which.tolist()) if is_so], dtype=torch.int64)


@dataclass
class Prepared:
    """All of a recipe's pictures."""

    opened: Opened
    pictures: Pictures
    format: InputFormat

    def part(self, name: str) -> Pictures:
        return self.pictures.subset(torch.from_numpy(self.opened.at(name)))

    def truth(self, name: str) -> list[Found]:
        """What is there on the pictures of a part, in the pixels of each."""
        return [
            Found(picture.boxes, picture.labels, np.ones(len(picture.labels)))
            for picture in (self.opened.pictures[i] for i in self.opened.at(name))
        ]


def input_format(card: ModelCard, settings: DetectionSettings) -> InputFormat:
    """How this network wants its pictures: whole, on a square. Raises InputError for a size that has no places."""
    size = settings.image_size
    if size % LARGEST_STRIDE:
        accepted = _("accepted: a multiple of {stride}, such as {size}", stride=LARGEST_STRIDE, size=_near(size))
        raise InputError(Problem(_("setting image_size"), _("found {size}", size=size), accepted))
    mean, std = families.of(card.name).pixels(card)
    return InputFormat(size, mean, std, "pad", crop=1.0)


def _near(size: int) -> int:
    return max(2, round(size / LARGEST_STRIDE)) * LARGEST_STRIDE


def boxes_of(pictures: Sequence[AnnotatedPicture], size: int) -> Boxes:
    """Of all pictures, on their squares."""
    most = max(1, max((len(picture.labels) for picture in pictures), default=1))
    boxes, labels = torch.zeros(len(pictures), most, 4), torch.full((len(pictures), most), -1)
    for number, picture in enumerate(pictures):
        n = len(picture.labels)
        own = on_square(picture.boxes.reshape(-1, 4), picture.width, picture.height, size)
        boxes[number, :n] = torch.from_numpy(own).float()
        labels[number, :n] = torch.from_numpy(picture.labels)
    return Boxes(boxes, labels)


def prepare(recipe: Recipe, card: ModelCard, settings: DetectionSettings, run: Run) -> Prepared:
    """Reads, checks and splits the recipe's data; pictures are decoded when first looked at. Raises InputError and
    Cancelled."""

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        if done % 50 == 0 or done == total:
            run.emit("progress", phase="checking", done=done, total=total, unit=UNIT)

    format = input_format(card, settings)
    run.emit("phase", name="checking", title=_("Checking {unit}", unit=UNIT))
    test = None if recipe.test is None else Path(recipe.test)
    opened = open_data(Path(recipe.data), test, settings, seed=recipe.seed, progress=progress)
    paths = [picture.path for picture in opened.pictures]
    digests = np.array([picture.sha256 for picture in opened.pictures])
    order = hashlib.sha256("".join(digests).encode()).hexdigest()
    title = _("Reading {n:,} {unit}", n=len(paths), unit=UNIT)
    squares = Later(lambda: decode(paths, format, name=order, run=run, unit=UNIT, title=title))
    photos = Photos(squares, torch.zeros(len(paths), dtype=torch.int64), digests, format, v2.Identity(), "")
    boxes = boxes_of(opened.pictures, format.size)
    return Prepared(opened, Pictures(photos, boxes, settings.flip, settings.scale_jitter), format)
