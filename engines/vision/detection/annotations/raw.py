"""What files of annotations say, before any of it is judged: the form between the three readers and the one judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from engines.contract import Skipped
from engines.data import unpacked
from engines.data.class_names import clean, nfc
from engines.data.parts import part_of
from engines.messages import _
from engines.vision.images.picture_names import Names
from engines.vision.images.reading import EXTENSIONS

Numbers = tuple[float, float, float, float]
MOST_BOXES = 5_000
"""On one picture: a file of more is broken, or made to break something."""
MOST_NAMED = 50
"""Of one reason: so many are named one by one, the others are counted."""
PARTS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class File:
    """A file below the folder that was opened."""

    path: Path
    name: str
    """Relative path with forward slashes, as it is shown to people."""

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.name).parts

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @property
    def stem(self) -> str:
        return nfc(self.path.stem).casefold()

    @property
    def part(self) -> str:
        """The part that the nearest of its folders says, 'train', 'val' or 'test'; '' where none does."""
        return next((PARTS[part] for folder in reversed(self.parts[:-1]) if (part := part_of(folder))), "")


def walk(root: Path) -> list[File]:
    """Every file below `root` that a person put there, folder by folder. Raises InputError as `unpacked.walk` does."""
    found = [folder / name for folder, names in unpacked.walk(root) for name in names]
    return [File(path, nfc(path.relative_to(root).as_posix())) for path in found]


def pictures(files: Sequence[File]) -> Names[File]:
    return Names([file for file in files if file.suffix in EXTENSIONS])


@dataclass
class Marked:
    """A picture and what one file says is on it. Nothing of it is sure: numbers may be anything that a float can be."""

    picture: File
    by: str
    """The file that says it, as it is shown to people."""
    stated: tuple[float, float] | None = None
    """Width and height that the file says the picture has; None where it says none, or nonsense."""
    part: str = ""
    numbers: list[Numbers] = field(default_factory=list)
    """As they were written: what they mean is for `conventions` to say."""
    labels: list[str] = field(default_factory=list)
    places: list[int | str] = field(default_factory=list)
    """Line of a YOLO file, object of a VOC file, id of a COCO annotation."""
    outlined: set[int] = field(default_factory=set)
    """Places in `numbers` of those that were made of an outline: their meaning is known, `OUTLINES`."""
    dropped: int = 0
    """Boxes beyond MOST_BOXES."""

    def add(self, numbers: Numbers, label: str, place: int | str, *, outlined: bool = False) -> None:
        if len(self.numbers) == MOST_BOXES:
            self.dropped += 1
            return
        if outlined:
            self.outlined.add(len(self.numbers))
        self.numbers.append(numbers)
        self.labels.append(label)
        self.places.append(place)


OUTLINES = {"coco": "xyxy", "voc": "xyxy", "yolo": "xyxy-shares"}
"""What numbers mean that were made of an outline, by format."""


@dataclass
class Raw:
    """All that the files of one format say."""

    form: str
    marked: list[Marked] = field(default_factory=list)
    classes: tuple[str, ...] | None = None
    """In the order of the class file; None where there is none."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def n_boxes(self) -> int:
        return sum(len(marked.numbers) for marked in self.marked)


def number(value: object) -> float:
    """Of whatever stood in a file: not a number (NaN) where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return float("nan")
    try:
        return float(value)
    except ValueError:
        return float("nan")
    except OverflowError:  # a whole number of hundreds of digits
        return float("inf")


def name_of(value: object) -> str:
    """A class's name as it is kept; '' where there is none. A number is its text."""
    return clean(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def size_of(width: object, height: object) -> tuple[float, float] | None:
    """Width and height that a file says, in pixels; None where they are no size."""
    size = number(width), number(height)
    return size if all(0 < side < 1e6 for side in size) else None


def around(xs: Sequence[float], ys: Sequence[float]) -> Numbers:
    """The box around the corners of an outline, as left, top, right, bottom."""
    return min(xs), min(ys), max(xs), max(ys)


def counted(reasons: Mapping[str, Sequence[str]]) -> list[Skipped]:
    """What was left out, by reason: MOST_NAMED one by one, the others as one."""
    found = []
    for reason, places in reasons.items():
        found += [Skipped(where, reason) for where in places[:MOST_NAMED]]
        if (more := len(places) - MOST_NAMED) > 0:
            found.append(Skipped(_("{n:,} more", n=more), reason))
    return found


def twice(marked: Sequence[Marked]) -> tuple[list[Marked], list[Skipped]]:
    """The first that is said of each picture, and what else is said of the same ones, as left out."""
    first: dict[Path, str] = {}
    again: dict[str, list[str]] = {}
    kept = []
    for one in marked:
        if one.picture.path in first:
            reason = _("has its boxes from {first} already, not from {by}", first=first[one.picture.path], by=one.by)
            again.setdefault(reason, []).append(one.picture.name)
        else:
            first[one.picture.path] = one.by
            kept.append(one)
    return kept, counted(again)


def merged(classes: Sequence[str]) -> list[str]:
    """Those that stand there more than once."""
    return [name for name, n in Counter(classes).items() if n > 1]
