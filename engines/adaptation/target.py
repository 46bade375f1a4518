"""What a person brings of the new domain: examples without labels, or with labels that are put aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.adaptation.rule import MOST
from engines.contract import InputError, Problem, Skipped
from engines.data.class_names import as_known, clean, shown_names
from engines.messages import _


@dataclass(frozen=True)
class Source:
    """What is known of the data that a model learns from, when the new domain is opened."""

    classes: Sequence[str]
    contents: frozenset[str]
    """A digest of each example."""
    columns: dict[str, str] = field(default_factory=dict)
    """'text' and 'label': in which columns these stood, where they stood in a table."""


@dataclass(frozen=True)
class Brought:
    """Examples of the new domain."""

    items: list[Any]
    """Whatever the domain reads them from, in order."""
    names: list[str]
    contents: list[str]
    """A digest of each."""
    written: list[str]
    """The class that stands beside each; '' for none. No method reads it."""
    found: int
    """How many there are, of which these may be a draw."""
    skipped: list[Skipped]
    notes: list[str]
    told: bool = False
    """Whether classes stand in a column that says so, and not in names of folders, which may mean something else."""


@dataclass(frozen=True)
class Target:
    """The new domain, ready to be adapted to."""

    brought: Brought
    labels: np.ndarray
    """int64 (M,): the true class, -1 where it is not known. For the truth alone."""
    learnt: np.ndarray
    """bool (M,): whether it is also among what is learnt from."""
    notes: list[str]
    """What is good to know, a sentence each."""

    def __len__(self) -> int:
        return len(self.brought.items)

    @property
    def judged(self) -> np.ndarray:
        """int64 (K,): the examples by which the truth is known."""
        return np.flatnonzero((self.labels >= 0) & ~self.learnt)


def drawn(n: int, seed: int) -> list[int]:
    """Positions of at most MOST of `n` examples, in order."""
    if n <= MOST:
        return list(range(n))
    return sorted(np.random.default_rng(seed).choice(n, MOST, replace=False).tolist())


def opened(brought: Brought, source: Source, unit: str) -> Target:
    """The target with what is to be said of it. Raises InputError where its classes are others."""
    if not brought.items:
        raise none_read(brought.skipped, unit)
    renamed = as_known(set(map(clean, brought.written)), source.classes)
    place = {name: number for number, name in enumerate(source.classes)}
    written = [renamed.get(clean(label), clean(label)) for label in brought.written]
    labels = np.array([place.get(label, -1) for label in written])
    learnt = np.array([content in source.contents for content in brought.contents])
    notes = list(brought.notes)
    if brought.found > len(brought.items) + len(brought.skipped):
        notes += about_draw(len(brought.items), brought.found, unit)
    notes += _about_labels(labels, written, source, unit, told=brought.told)
    notes += about_copies(brought.contents, learnt, unit)
    return Target(brought, labels, learnt, notes)


def none_read(skipped: Sequence[Skipped], unit: str) -> InputError:
    """What is said where nothing of a target can be used."""
    named = "; ".join(f"{entry.where} {entry.reason}" for entry in skipped[:3])
    found = _("none of its {unit} can be read ({named})", unit=unit, named=named)
    return InputError(Problem("--target", found, _("accepted: {unit}", unit=unit)))


def about_draw(used: int, found: int, unit: str) -> list[str]:
    """That not all that there are were used, where it is so."""
    if used == found:
        return []
    return [_("{items:,} of its {found:,} {unit} are used, drawn by the seed.", items=used, found=found, unit=unit)]


def _about_labels(labels: np.ndarray, written: list[str], source: Source, unit: str, *, told: bool) -> list[str]:
    known, there = int((labels >= 0).sum()), [label for label in written if label]
    others = Counter(label for label, at in zip(written, labels, strict=True) if label and at < 0)
    if there and not known:
        if told:
            found = _(
                "its classes ({shown_names}) are others than what is learnt", shown_names=shown_names(set(others))
            )
            raise InputError(
                Problem(
                    "--target",
                    found,
                    _("accepted: {unit} of {shown_names}", unit=unit, shown_names=shown_names(set(source.classes))),
                )
            )
        if len(others) > 1:
            return [
                _(
                    "Its folders ({shown_names}) are no classes that are learnt, so they are taken for none.",
                    shown_names=shown_names(set(others)),
                )
            ]
        return []
    notes = []
    if known:
        notes.append(
            _(
                "{known:,} of its {unit} have labels: these are set aside and used for the truth only.",
                known=known,
                unit=unit,
            )
        )
    if known and others:
        n = sum(others.values())
        notes.append(
            _(
                "{n:,} are of classes that are not learnt ({shown_names}): whatever is said of them is wrong.",
                n=n,
                shown_names=shown_names(set(others)),
            )
        )
    return notes


def about_copies(contents: Sequence[str], learnt: np.ndarray, unit: str) -> list[str]:
    """What is to be said of examples that are there twice. contents: a digest of each; learnt: bool (M,), whether it is
    also among what is learnt from."""
    n = int(learnt.sum())
    if n == len(learnt):
        return [
            _(
                "All of its {unit} are in the data to learn from too: this is no new domain, and tells nothing of one.",
                unit=unit,
            )
        ]
    notes = (
        [_("{n:,} of its {unit} are in the data to learn from too: the truth is told without them.", n=n, unit=unit)]
        if n
        else []
    )
    copies = len(contents) - len(set(contents))
    return [
        *notes,
        *([_("{copies:,} of its {unit} are exact copies of another.", copies=copies, unit=unit)] if copies else []),
    ]
