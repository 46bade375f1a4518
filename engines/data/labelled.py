"""What there is to say about examples with a class each, whatever they are: too few, copies, uneven classes, leaks."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import Field, dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.data.class_names import by_size, shown_counts, shown_names
from engines.data.corrections import apply, parse
from engines.data.splits import complete
from engines.messages import Declared, _

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
            reason = _(
                "is the same {twin} as {name}, which is for {split}",
                twin=kind.twin,
                name=winner.name,
                split=winner.split,
            )
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
        accepted = _("accepted: {known}", known=", ".join(known))
        raise InputError(
            Problem(
                _("test data {name}", name=name),
                _("class {unknown!r} is not in the training data", unknown=unknown[0]),
                accepted,
            )
        )
    tested = {example.sha256 for example in test}
    kept = [example for example in examples if example.sha256 not in tested and example.split != "test"]
    leaked = sum(example.sha256 in tested and example.split != "test" for example in examples)
    notes = []
    if n_own := sum(example.split == "test" for example in examples):
        notes.append(
            _(
                "{n_own:,} {unit} that the data keep for a test of their own are not used: {name} is tested on.",
                n_own=n_own,
                unit=unit,
                name=name,
            )
        )
    if leaked:
        notes.append(_("{leaked:,} {unit} are in the test data too: left out of training.", leaked=leaked, unit=unit))
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
        accepted = _("accepted: more {many} a class, or separate test data", many=many)
        raise InputError(Problem(where, _("no {many} are left to test on", many=many), accepted))


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
        raise InputError(
            Problem(where, _("no {one} in it can be used{so_far}", one=kind.one, so_far=so_far), kind.accepted)
        )
    if not to_train:
        return
    found = _(
        "{n:,} usable {many} in {learning:,} classes ({shown_counts}){so_far}",
        n=n,
        many=kind.many,
        learning=len(learning),
        shown_counts=shown_counts(learning),
        so_far=so_far,
    )
    if len(learning) == 1:
        found = _(
            "all {n:,} usable {many} are of one class, '{learning}'{so_far}",
            n=n,
            many=kind.many,
            learning=next(iter(learning)),
            so_far=so_far,
        )
        accepted = _("at least two classes are needed, each with {many} of its own", many=kind.many)
        raise InputError(Problem(where, found, accepted))
    if n < kind.fewest or sum(count >= 2 for count in learning.values()) < 2:
        accepted = _(
            "at least {fewest} {many} are needed to train, and two classes with two {many} or more",
            fewest=kind.fewest,
            many=kind.many,
        )
        raise InputError(Problem(where, found, accepted))


def notes(labels: Iterable[str], examples: Sequence[Labelled], kind: Kind) -> list[str]:
    """What to know about `examples`, which are those of all `labels` that can be used: one sentence each."""
    found = []
    counts = Counter(example.label for example in examples)
    if lost := set(labels) - counts.keys():
        found.append(_("No {one} of {shown_names} can be used.", one=kind.one, shown_names=shown_names(lost)))
    if single := {label for label, count in counts.items() if count == 1}:
        found.append(
            _(
                "{shown_names}: one {one} only. It trains; how well it is recognised cannot be tested.",
                shown_names=shown_names(single),
                one=kind.one,
            )
        )
    different: defaultdict[str, set[str]] = defaultdict(set)
    for example in examples:
        different[example.label].add(example.sha256)
    if same := {label for label, count in counts.items() if count > 1 and len(different[label]) == 1}:
        found.append(
            _(
                "{shown_names}: always the same {one}, which is one example. It trains; how well it is recognised "
                "cannot be tested.",
                shown_names=shown_names(same),
                one=kind.one,
            )
        )
    learnt = {example.label for example in examples if example.split in (None, "train")}
    if untaught := counts.keys() - learnt:
        found.append(
            _(
                "{shown_names}: no {one} to train on, only to test. These can't be recognised.",
                shown_names=shown_names(untaught),
                one=kind.one,
            )
        )
    if counts and max(counts.values()) >= UNEVEN * min(counts.values()) and len(counts) > 1:
        found.append(
            _(
                "The classes are uneven: {shown_counts}. Look at each class's own result.",
                shown_counts=shown_counts(counts),
            )
        )
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
        found.append(
            _(
                "{copies}: {n:,} of the {many}. They stay together, to learn from or to test on.",
                copies=kind.copies,
                n=n,
                many=kind.many,
            )
        )
    if contradictions:
        listed = "; ".join(
            " = ".join(f"{example.name} ('{example.label}')" for example in group[:3]) for group in contradictions[:5]
        )
        more = (
            _("; and {contradictions:,} more", contradictions=len(contradictions) - 5)
            if len(contradictions) > 5
            else ""
        )
        many = f"{len(contradictions):,} {kind.many if len(contradictions) > 1 else kind.one}"
        found.append(
            _(
                "The same {one} in different classes: {listed}{more}. Each counts in all of its "
                "classes ({many}); several_labels=left-out leaves them out.",
                one=kind.one,
                listed=listed,
                more=more,
                many=many,
            )
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
    return _(
        " ({skipped:,} skipped; the first: {where} {reason})",
        skipped=len(skipped),
        where=skipped[0].where,
        reason=skipped[0].reason,
    )
