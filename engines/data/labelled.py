"""What there is to say about examples with a class each, whatever they are: too few, copies, uneven classes, leaks."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import Field, dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.data.corrections import apply, parse
from engines.data.splits import complete
from engines.messages import Declared

UNEVEN = 5
"""A class this many times larger than another is worth a note."""
STRENGTH = {"test": 2, "validation": 1, "train": 0}


class Labelled(Protocol):
    """One example that can be used: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """As it is shown to people: 'cats/1.jpg', 'line 17'."""

    @property
    def label(self) -> str: ...

    @property
    def split(self) -> str | None:
        """'train', 'validation' or 'test' where the data say so themselves."""

    @property
    def sha256(self) -> str:
        """Of the content: copies share it."""


Example = TypeVar("Example", bound=Labelled)


@dataclass(frozen=True)
class Kind(Declared):
    """How a domain speaks of its examples."""

    one: str
    many: str
    accepted: str
    """The data that the domain reads, as a phrase that begins with 'accepted:'."""
    copies: str
    """What an example with another's content is called in a note, e.g. 'Exact copies of another image'."""
    twin: str
    """One example that is another's copy, e.g. 'picture'."""
    fewest: int = 8
    """Examples to train on, at least."""


def nfc(text: str) -> str:
    """é is one letter, whichever computer wrote it."""
    return unicodedata.normalize("NFC", text)


def clean(label: str) -> str:
    """A class's name: NFC, without control characters or space around it, and with single spaces in it."""
    visible = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in nfc(label))
    return " ".join(visible.split())


def by_size(names: Iterable[str]) -> list[str]:
    """Class names in the order in which they are listed: whole numbers by size, anything else as text."""
    found = set(names)
    if all(re.fullmatch(r"-?\d+", name) for name in found):
        return sorted(found, key=lambda name: (int(name), name))
    return sorted(found)


def counted(labels: Iterable[str]) -> dict[str, int]:
    """Class -> how many, in the order of `by_size`."""
    counts = Counter(labels)
    return {label: counts[label] for label in by_size(counts)}


def without_leaks(examples: Sequence[Example], kind: Kind) -> tuple[list[Example], list[Skipped]]:
    """Where the data say what is for testing: training examples that are among the test examples too are left out."""
    strongest: dict[str, Example] = {}
    for example in examples:
        first_seen = strongest.setdefault(example.sha256, example)
        if STRENGTH[example.split or "train"] > STRENGTH[first_seen.split or "train"]:
            strongest[example.sha256] = example
    kept, leaks = [], []
    for example in examples:
        winner = strongest[example.sha256]
        if (example.split or "train") == (winner.split or "train"):
            kept.append(example)
        else:
            reason = f"is the same {kind.twin} as {winner.name}, which is for {winner.split}"
            leaks.append(Skipped(example.name, reason))
    return kept, leaks


def with_test(
    examples: Sequence[Example], test: Sequence[Example], name: str, unit: str
) -> tuple[list[Example], list[str]]:
    """`examples` with their test part replaced by `test`, and notes; what is in both is tested on and not trained on.

    `name` is what the test data are called and `unit` what examples are. Raises InputError when `test` has a class that
    cannot be learnt.
    """
    known = by_size(example.label for example in examples if example.split != "test")
    if unknown := by_size({example.label for example in test} - set(known)):
        accepted = f"accepted: {', '.join(known)}"
        raise InputError(Problem(f"test data {name}", f"class {unknown[0]!r} is not in the training data", accepted))
    tested = {example.sha256 for example in test}
    kept = [example for example in examples if example.sha256 not in tested and example.split != "test"]
    leaked = sum(example.sha256 in tested and example.split != "test" for example in examples)
    notes = []
    if n_own := sum(example.split == "test" for example in examples):
        notes.append(f"{n_own:,} {unit} that the data keep for a test of their own are not used: {name} is tested on.")
    if leaked:
        notes.append(f"{leaked:,} {unit} are in the test data too: left out of training.")
    return kept + [replace(example, split="test") for example in test], notes


def correct(examples: Sequence[Example], corrections: str | None) -> tuple[list[Example], list[bool], list[str]]:
    """The examples with the labels that a person gave them, which of them are kept, and what to say about it.

    See `engines.data.corrections`. Raises InputError where the corrections make no sense.
    """
    found = apply([e.name for e in examples], [e.label for e in examples], parse(corrections))
    relabelled = [replace(example, label=label) for example, label in zip(examples, found.labels, strict=True)]
    return relabelled, found.kept, found.notes


def in_parts(
    examples: Sequence[Example], corrections: str | None, *, validation: float, test: float, seed: int
) -> tuple[list[Example], np.ndarray, list[str]]:
    """The examples with the labels that a person gave them; str (N,): what each is for, 'train', 'validation', 'test',
    or 'dropped' by a person; and what to say of corrections.

    Parts are drawn by the labels as they came, so that correcting one moves no other. Raises InputError as `correct`.
    """
    drawn = complete(
        [example.split for example in examples],
        [example.label for example in examples],
        [group_of(example) for example in examples],
        validation=validation,
        test=test,
        seed=seed,
    )
    corrected, kept, remarks = correct(examples, corrections)
    return corrected, np.where(kept, np.array(drawn), "dropped"), remarks


def group_of(example: Labelled) -> str:
    """What stays on one side of every split with the example: copies of it, and what else its `group` says."""
    return str(getattr(example, "group", example.sha256))


def require_test(where: str, parts: np.ndarray, many: str) -> None:
    """Raises InputError where no example is left to test on; `many` is what examples are called."""
    if not (parts == "test").any():
        accepted = f"accepted: more {many} a class, or separate test data"
        raise InputError(Problem(where, f"no {many} are left to test on", accepted))


def corrected_digest(sha256: str, corrections: str | None, remarks: list[str]) -> str:
    """Another one than `sha256` when `correct` had anything to say."""
    return hashlib.sha256(f"{sha256} {corrections}".encode()).hexdigest() if remarks else sha256


def require_enough(
    where: str, examples: Sequence[Labelled], skipped: Sequence[Skipped], to_train: bool, kind: Kind
) -> None:
    """Raises InputError when `examples` do not allow to train (or, without `to_train`, to test) anything."""
    learning = Counter(example.label for example in examples if not to_train or example.split in (None, "train"))
    n = learning.total()
    so_far = first(skipped)
    if n == 0:
        raise InputError(Problem(where, f"no {kind.one} in it can be used{so_far}", kind.accepted))
    if not to_train:
        return
    found = f"{n:,} usable {kind.many} in {len(learning):,} classes ({shown_counts(learning)}){so_far}"
    if len(learning) == 1:
        found = f"all {n:,} usable {kind.many} are of one class, '{next(iter(learning))}'{so_far}"
        accepted = f"at least two classes are needed, each with {kind.many} of its own"
        raise InputError(Problem(where, found, accepted))
    if n < kind.fewest or sum(count >= 2 for count in learning.values()) < 2:
        accepted = (
            f"at least {kind.fewest} {kind.many} are needed to train, and two classes with two {kind.many} or more"
        )
        raise InputError(Problem(where, found, accepted))


def notes(labels: Iterable[str], examples: Sequence[Labelled], kind: Kind) -> list[str]:
    """What to know about `examples`, which are those of all `labels` that can be used: one sentence each."""
    found = []
    counts = Counter(example.label for example in examples)
    if lost := set(labels) - counts.keys():
        found.append(f"No {kind.one} of {shown_names(lost)} can be used.")
    if single := {label for label, count in counts.items() if count == 1}:
        found.append(
            f"{shown_names(single)}: one {kind.one} only. It trains; how well it is recognised cannot be tested."
        )
    learnt = {example.label for example in examples if example.split in (None, "train")}
    if untaught := counts.keys() - learnt:
        found.append(f"{shown_names(untaught)}: no {kind.one} to train on, only to test. These can't be recognised.")
    if counts and max(counts.values()) >= UNEVEN * min(counts.values()) and len(counts) > 1:
        found.append(f"The classes are uneven: {shown_counts(counts)}. Look at each class's own result.")
    return found + _duplicates(examples, kind)


def _duplicates(examples: Sequence[Labelled], kind: Kind) -> list[str]:
    same: defaultdict[str, list[Labelled]] = defaultdict(list)
    for example in examples:
        same[example.sha256].append(example)
    copies = [group for group in same.values() if len(group) > 1]
    contradictions = [group for group in copies if len({example.label for example in group}) > 1]
    found = []
    if copies:
        n = sum(len(group) - 1 for group in copies)
        found.append(f"{kind.copies}: {n:,} of the {kind.many}. They stay together, to learn from or to test on.")
    if contradictions:
        listed = "; ".join(
            " = ".join(f"{example.name} ('{example.label}')" for example in group[:3]) for group in contradictions[:5]
        )
        more = f"; and {len(contradictions) - 5:,} more" if len(contradictions) > 5 else ""
        many = f"{len(contradictions):,} {kind.many if len(contradictions) > 1 else kind.one}"
        found.append(
            f"The same {kind.one} in different classes: {listed}{more}. Each counts in all of its classes ({many}); "
            "several_labels=left-out leaves them out."
        )
    return found


def digest(examples: Iterable[Labelled]) -> str:
    """SHA-256 over content and labels, whatever the order and the names."""
    lines = sorted(f"{example.sha256} {example.label}" for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def first(skipped: Sequence[Skipped]) -> str:
    """How many were skipped and why the first was, to go on with in a sentence; nothing when none was."""
    if not skipped:
        return ""
    return f" ({len(skipped):,} skipped; the first: {skipped[0].where} {skipped[0].reason})"


def merged_names(written: Iterable[str]) -> list[str]:
    """A note for each class that was written in several ways, and for classes that differ by case alone."""
    ways_of: defaultdict[str, set[str]] = defaultdict(set)
    for label in written:
        ways_of[clean(label)].add(label)
    found = [
        f"{_listed(ways)} are one class, '{label}': they differ only in spaces or in how an accent is stored."
        for label, ways in sorted(ways_of.items())
        if len(ways) > 1
    ]
    folded: defaultdict[str, set[str]] = defaultdict(set)
    for label in ways_of:
        folded[label.casefold()].add(label)
    for _, labels in sorted(folded.items()):
        if len(labels) > 1:
            found.append(f"{_listed(labels)} differ only in capital letters and are kept apart.")
    return found


def _listed(names: set[str]) -> str:
    return " and ".join(f"'{name}'" for name in sorted(names))


def shown_names(labels: set[str]) -> str:
    listed = ", ".join(f"'{label}'" for label in by_size(labels)[:8])
    return f"{listed} and {len(labels) - 8:,} more" if len(labels) > 8 else listed


def shown_counts(counts: Counter[str]) -> str:
    listed = ", ".join(f"{count:,} of '{label}'" for label, count in counts.most_common(4))
    if len(counts) <= 4:
        return listed
    label, count = counts.most_common()[-1]
    return f"{listed} … {count:,} of '{label}'"
