"""What there is to say about somebody's pictures, in the words of `engines.data.labelled`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from engines.contract import Skipped
from engines.data import labelled
from engines.data.class_names import clean
from engines.data.labelled import Kind, digest, first
from engines.messages import _
from engines.vision.classification.folders.class_folders import Entry

__all__ = ["ACCEPTED", "FEWEST_IMAGES", "Photograph", "digest", "first", "notes", "require_enough", "without_leaks"]

ACCEPTED = _(
    "accepted: a zip or folder with one folder of images a class, images with a CSV file (file_name,label), "
    "or a MedMNIST .npz file"
)
FEWEST_IMAGES = 8
VERSION = re.compile(r"(.+)\.rf\.[0-9A-Za-z]{8,}\.\w+")
IMAGES = Kind(
    "image", "images", ACCEPTED, copies=_("Exact copies of another image"), twin="picture", fewest=FEWEST_IMAGES
)


@dataclass(frozen=True)
class Photograph:
    """One picture that can be read, and its class."""

    path: Path
    name: str
    """Relative path with forward slashes, as it is shown to people."""
    label: str
    split: str | None
    """'train', 'validation' or 'test' where the data say so themselves."""
    sha256: str
    """Of the file's bytes: exact duplicates share it."""
    patient: str = ""
    """The hash that stands for whose it is; '' where nobody says it."""
    together: str = ""
    """The patients whose pictures stay together because they share one; '' without a patient."""

    @property
    def group(self) -> str:
        """What stays on one side of every split: a patient's pictures, exact copies, and what Roboflow made of one
        picture, whose names end in .rf. and a number."""
        if self.together:
            return self.together
        match = VERSION.fullmatch(self.name.rpartition("/")[2])
        return f"{self.label}/{match[1]}" if match else self.sha256


def without_leaks(examples: list[Photograph]) -> tuple[list[Photograph], list[Skipped]]:
    """Where the data say what is for testing: training pictures that are among the test pictures too are left out."""
    return labelled.without_leaks(examples, IMAGES)


def require_enough(where: str, examples: list[Photograph], skipped: list[Skipped], to_train: bool) -> None:
    """Raises InputError when `examples` do not allow to train (or, without `to_train`, to test) anything."""
    labelled.require_enough(where, examples, skipped, to_train, IMAGES)


def notes(entries: list[Entry], examples: list[Photograph]) -> list[str]:
    """What to know about the `examples` that could be read out of all `entries`: one sentence each."""
    return labelled.notes({clean(entry.label) for entry in entries}, examples, IMAGES) + _versions(examples)


def _versions(examples: list[Photograph]) -> list[str]:
    """A sentence on pictures that are versions of one another by their names."""
    named = [example for example in examples if not example.together]
    groups = Counter(example.group for example in named if example.group != example.sha256)
    several = {group: n for group, n in groups.items() if n > 1}
    if not several:
        return []
    n = sum(several.values())
    found = _(
        "{n:,} images are versions of {several:,} by their names (….rf.…, as Roboflow writes them)",
        n=n,
        several=len(several),
    )
    parts: dict[str, set[str]] = {}
    for example in examples:
        parts.setdefault(example.group, set()).add(example.split or "")
    if shared := sum(len(parts[group]) > 1 for group in several):
        return [
            _(
                "{found}; {shared:,} of these have versions in more than one part: the test is too easy by that.",
                found=found,
                shared=shared,
            )
        ]
    return [_("{found}: those of one picture stay together, to learn from or to test on.", found=found)]
