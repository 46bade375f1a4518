"""What there is to say about somebody's pictures: too few, copies, uneven classes, a test that leaks."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from engines.contract import InputError, Problem, Skipped
from engines.vision.layouts import Entry, clean

ACCEPTED = (
    "accepted: a zip or folder with one folder of images a class, images with a CSV file (file_name,label), "
    "or a MedMNIST .npz file"
)
FEWEST_IMAGES = 8
UNEVEN = 5
"""A class this many times larger than another is worth a note."""
STRENGTH = {"test": 2, "validation": 1, "train": 0}


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


def without_leaks(examples: list[Photograph]) -> tuple[list[Photograph], list[Skipped]]:
    """Where the data say what is for testing: training pictures that are among the test pictures too are left out."""
    strongest: dict[str, Photograph] = {}
    for example in examples:
        first = strongest.setdefault(example.sha256, example)
        if STRENGTH[example.split or "train"] > STRENGTH[first.split or "train"]:
            strongest[example.sha256] = example
    kept, leaks = [], []
    for example in examples:
        winner = strongest[example.sha256]
        if (example.split or "train") == (winner.split or "train"):
            kept.append(example)
        else:
            leaks.append(Skipped(example.name, f"is the same picture as {winner.name}, which is for {winner.split}"))
    return kept, leaks


def require_enough(where: str, examples: list[Photograph], skipped: list[Skipped], to_train: bool) -> None:
    """Raises InputError when `examples` do not allow to train (or, without `to_train`, to test) anything."""
    learning = Counter(example.label for example in examples if not to_train or example.split in (None, "train"))
    n = learning.total()
    so_far = first(skipped)
    if n == 0:
        raise InputError(Problem(where, f"no image in it can be used{so_far}", ACCEPTED))
    if not to_train:
        return
    found = f"{n:,} usable images in {len(learning):,} classes ({_counts(learning)}){so_far}"
    if len(learning) == 1:
        found = f"all {n:,} usable images are of one class, '{next(iter(learning))}'{so_far}"
        raise InputError(Problem(where, found, "at least two classes are needed, each with images of its own"))
    if n < FEWEST_IMAGES or sum(count >= 2 for count in learning.values()) < 2:
        accepted = f"at least {FEWEST_IMAGES} images are needed to train, and two classes with two images or more"
        raise InputError(Problem(where, found, accepted))


def notes(entries: list[Entry], examples: list[Photograph]) -> list[str]:
    """What to know about the `examples` that could be read out of all `entries`: one sentence each."""
    found = []
    counts = Counter(example.label for example in examples)
    lost = {clean(entry.label) for entry in entries} - counts.keys()
    if lost:
        found.append(f"No image of {_names(lost)} can be used.")
    single = {label for label, count in counts.items() if count == 1}
    if single:
        found.append(f"{_names(single)}: one image only. It trains; how well it is recognised cannot be tested.")
    learnt = {example.label for example in examples if example.split in (None, "train")}
    if untaught := counts.keys() - learnt:
        found.append(f"{_names(untaught)}: no image to train on, only to test. These can't be recognised.")
    if counts and max(counts.values()) >= UNEVEN * min(counts.values()) and len(counts) > 1:
        found.append(f"The classes are uneven: {_counts(counts)}. Look at each class's own result.")
    return found + _duplicates(examples)


def _duplicates(examples: list[Photograph]) -> list[str]:
    same: defaultdict[str, list[Photograph]] = defaultdict(list)
    for example in examples:
        same[example.sha256].append(example)
    copies = [group for group in same.values() if len(group) > 1]
    contradictions = [group for group in copies if len({example.label for example in group}) > 1]
    found = []
    if copies:
        n = sum(len(group) - 1 for group in copies)
        found.append(f"Exact copies: {n:,} of other images. Copies stay on one side of the split.")
    if contradictions:
        listed = "; ".join(
            " = ".join(f"{example.name} ('{example.label}')" for example in group[:3]) for group in contradictions[:5]
        )
        more = f"; and {len(contradictions) - 5:,} more" if len(contradictions) > 5 else ""
        found.append(f"The same image in different classes: {listed}{more}.")
    return found


def digest(examples: list[Photograph]) -> str:
    """SHA-256 over bytes and labels, whatever the order and the file names."""
    lines = sorted(f"{example.sha256} {example.label}" for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def first(skipped: list[Skipped]) -> str:
    """How many were skipped and why the first was, to go on with in a sentence; nothing when none was."""
    if not skipped:
        return ""
    return f" ({len(skipped):,} skipped; the first: {skipped[0].where} {skipped[0].reason})"


def _names(labels: set[str]) -> str:
    listed = ", ".join(f"'{label}'" for label in sorted(labels)[:8])
    return f"{listed} and {len(labels) - 8:,} more" if len(labels) > 8 else listed


def _counts(counts: Counter[str]) -> str:
    listed = ", ".join(f"{count:,} of '{label}'" for label, count in counts.most_common(4))
    if len(counts) <= 4:
        return listed
    label, count = counts.most_common()[-1]
    return f"{listed} … {count:,} of '{label}'"
