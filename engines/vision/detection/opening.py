"""A recipe's annotated pictures as they are learnt from: read, with their test, and each given its part.

What is checked before a run and what the run learns from is opened here, so that both refuse the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem, Progress, ReadAs, Skipped
from engines.data.splits import complete
from engines.messages import _, _n
from engines.vision.detection.annotated import AnnotatedPicture, Annotations
from engines.vision.detection.annotations.reading import read
from engines.vision.detection.settings import DetectionSettings

PART_OF = {"train": "train", "val": "validation", "test": "test"}
"""What annotated pictures call their parts -> what a run calls them."""
MORE = _("accepted: pictures with boxes in each part, or more of them")


@dataclass
class Opened:
    """Annotated pictures with their parts."""

    classes: list[str]
    pictures: list[AnnotatedPicture]
    parts: np.ndarray
    """str (N,): 'train', 'validation' or 'test'."""
    skipped: list[Skipped]
    notes: list[str]
    read_as: list[ReadAs]
    sha256: str
    """Over every picture's bytes and boxes."""

    def at(self, part: str) -> np.ndarray:
        """int64 (K,): the positions of a part's pictures."""
        return np.flatnonzero(self.parts == part)

    @cached_property
    def kinds(self) -> list[str]:
        """Of each picture the class of it that is rarest in all, '' without any: by these parts and budgets are drawn,
        so that each has some of every class."""
        counts = Counter(int(label) for picture in self.pictures for label in picture.labels)
        return [
            self.classes[min(set(picture.labels.tolist()), key=lambda label: (counts[label], label))]
            if len(picture.labels)
            else ""
            for picture in self.pictures
        ]

    def counted(self, part: str | None = None) -> dict[str, int]:
        """Class -> boxes, of a part or of all."""
        counts = Counter(
            int(label)
            for picture, own in zip(self.pictures, self.parts, strict=True)
            if part in (None, own)
            for label in picture.labels
        )
        return {name: counts[number] for number, name in enumerate(self.classes)}


def open_data(
    data: Path, test: Path | None, settings: DetectionSettings, *, seed: int, progress: Progress | None = None
) -> Opened:
    """The annotated pictures in `data`, tested on those in `test` where that is given.

    Raises InputError when nothing can be learnt from them or tested on.
    """
    found = read(data, settings, progress)
    pictures, skipped = list(found.pictures), list(found.skipped)
    notes, read_as = list(found.notes), list(found.read_as)
    if test is not None:
        extra = read(test, replace(settings, parts="none"), progress)
        pictures = [picture for picture in pictures if picture.part != "test"]
        pictures += _as_known(extra, found.classes, test.name)
        skipped += extra.skipped
        notes += extra.notes
    for picture in pictures:
        require_real(picture)
    pictures, again = _without_leaks(pictures)
    opened = Opened(list(found.classes), pictures, np.zeros(0), [*skipped, *again], notes, read_as, digest(pictures))
    opened.parts = np.array(
        complete(
            [PART_OF.get(picture.part) for picture in pictures],
            opened.kinds,
            [picture.sha256 or picture.name for picture in pictures],
            validation=settings.validation_fraction,
            test=settings.test_fraction,
            seed=seed,
        )
    )
    _require_boxes(data.name, opened)
    opened.notes += remarks(opened)
    return opened


def require_real(picture: AnnotatedPicture) -> None:
    """Raises InputError for a box that is none: torch would learn from it without a word, or crash."""
    boxes = picture.boxes
    edges = np.array([picture.width, picture.height, picture.width, picture.height])
    real = np.isfinite(boxes).all() and (boxes[:, :2] < boxes[:, 2:]).all() and (boxes >= 0).all()
    if not real or (boxes > edges).any() or (picture.labels < 0).any():
        found = _("one of its boxes has no area, lies outside the picture, or is no number")
        raise InputError(Problem(picture.name, found, _("accepted: boxes within the picture")))


def _as_known(extra: Annotations, classes: Sequence[str], where: str) -> list[AnnotatedPicture]:
    """Separate test pictures, their classes numbered as those that are learnt. Raises InputError for another class."""
    unknown = [name for name in extra.classes if name not in classes]
    if unknown:
        found = _("the class {name!r} is not among those to learn", name=unknown[0])
        raise InputError(Problem(where, found, _("accepted: {classes}", classes=", ".join(classes[:20]))))
    places = np.array([classes.index(name) for name in extra.classes], dtype=np.int64)
    return [replace(picture, labels=places[picture.labels], part="test") for picture in extra.pictures]


def _without_leaks(pictures: Sequence[AnnotatedPicture]) -> tuple[list[AnnotatedPicture], list[Skipped]]:
    """Without those that are learnt from and, byte for byte, tested on too."""
    tested = {picture.sha256 for picture in pictures if picture.part == "test" and picture.sha256}
    leaks = [picture for picture in pictures if picture.part != "test" and picture.sha256 in tested]
    names = {id(picture) for picture in leaks}
    kept = [picture for picture in pictures if id(picture) not in names]
    return kept, [Skipped(picture.name, _("is also a test picture: it is not learnt from")) for picture in leaks]


def _require_boxes(where: str, opened: Opened) -> None:
    for part, said in (
        ("train", _("no picture with a box is left to learn from")),
        ("test", _("no picture with a box is left to test on, so nothing could be measured")),
    ):
        if not sum(opened.counted(part).values()):
            raise InputError(Problem(where, said, MORE))


def remarks(opened: Opened) -> list[str]:
    """What is good to know of the boxes."""
    empty = sum(not len(picture.labels) for picture in opened.pictures)
    said = []
    if empty:
        said.append(
            _n("One picture has no objects on it.", "{n:,} pictures have no objects on them.", empty)
            + " "
            + _("They teach the model what is nothing.")
        )
    learnt, tested = opened.counted("train"), opened.counted("test")
    if missing := [name for name, count in learnt.items() if not count]:
        said.append(_("No box to learn from: {names}.", names=", ".join(missing[:8])))
    if missing := [name for name, count in tested.items() if not count]:
        said.append(_("No box to test on, so it is not measured: {names}.", names=", ".join(missing[:8])))
    return said


def digest(pictures: Sequence[AnnotatedPicture]) -> str:
    """SHA-256 over bytes, boxes and classes, whatever the order and the names of the files."""
    each = sorted(
        hashlib.sha256(
            f"{picture.sha256} {picture.part} {picture.boxes.round(3).tolist()} {picture.labels.tolist()}".encode()
        ).hexdigest()
        for picture in pictures
    )
    return hashlib.sha256("".join(each).encode()).hexdigest()
