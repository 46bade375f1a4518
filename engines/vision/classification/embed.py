"""What the default backbone sees of single pictures, and of all that somebody has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from engines import paths, weights
from engines.contract import ModelCard, Progress, Task
from engines.messages import _
from engines.training import frozen_onnx
from engines.unlabelled.embedding import Listing, embedded, whole
from engines.unlabelled.examples import Unlabelled
from engines.vision.classification.dataset import open_unlabelled
from engines.vision.classification.prepare import input_format
from engines.vision.classification.settings import VisionSettings
from engines.vision.images import foreign, reading
from engines.vision.models import backbones

DARKEST = 24
"""Of 255: a picture with no brighter spot is one of a covered camera."""

ALIKE = 0.8
"""Cosine of two pictures that may be nearly the same: docs/few_labels/label_first.md says what it finds."""
THUMBNAIL_PIXELS = 160


COMPARED = 4
"""Inputs on which ONNX Runtime's numbers must be PyTorch's before it is believed."""
MANY = 20
"""Pictures that were asked about one by one, after which it pays to have the network written for ONNX Runtime."""


def load(task: Task) -> Pictures:
    """See `contract.Task.embedder`."""
    return Pictures(task.describe(task.info.default_model))


class Pictures:
    """See `contract.Embedder`."""

    def __init__(self, card: ModelCard):
        self.format = input_format(card, VisionSettings())
        build = partial(backbones.build, card, 1, pretrained=True, seed=0)
        network = build().eval()
        network.boundary = len(network.stages)
        side, noise = self.format.size, torch.Generator().manual_seed(0)
        some = torch.randn(COMPARED, 3, side, side, generator=noise)
        self.seen = frozen_onnx.Later(build, network, some, weights=weights.sha256(weights.fetch(card)))
        self.alone = 0
        self.identity = f"{card.name}-{side}-{self.format.framing}"

    def embed(self, examples: Sequence[bytes]) -> list[np.ndarray | str]:
        """See `contract.Embedder`."""
        found: list[np.ndarray | str] = [self._square(example) for example in examples]
        good = [i for i, square in enumerate(found) if isinstance(square, np.ndarray)]
        if not good:
            return found
        squares = torch.from_numpy(np.stack([found[i] for i in good])).permute(0, 3, 1, 2)
        self.alone += len(examples) == 1
        if self.alone == MANY:
            self.seen.begin()
        for i, features in zip(good, self.seen(self.format.plain(squares)), strict=True):
            found[i] = features
        return found

    def _square(self, example: bytes) -> np.ndarray | str:
        try:
            picture = reading.read(example, self.format.stored)
        except reading.UnreadableImage as error:
            return foreign.reason(example, error)
        if np.asarray(picture).max() < DARKEST:
            return _("is black: is the lens covered, or the light off?")
        return self.format.square(picture)


def look_through(
    task: Task, data: Path, _settings: VisionSettings, seed: int, out: Path, progress: Progress | None
) -> Unlabelled:
    """See `engines.unlabelled`: the pictures in `data`. A folder around each is likely its class. Raises InputError
    where there is no picture at all, or the weights are not here."""
    found, skipped = open_unlabelled(data, paths.work(data))

    def folders(names: Sequence[str], _: Sequence[Path | str]) -> list[str]:
        return whole([PurePosixPath(name).parent.name for name in names])

    listing = Listing("pictures", list(found), ALIKE, folders, _thumbnail, ".jpg", skipped)
    return embedded(listing, load(task), seed, out, progress)


def _thumbnail(picture: bytes, out: Path) -> None:
    reading.thumbnail(reading.read(picture, THUMBNAIL_PIXELS), out, THUMBNAIL_PIXELS)
