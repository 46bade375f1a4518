"""What a person brings: samples to start from, and what was found in their data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from engines.contract.errors import InputError, Problem
from engines.messages import Declared, _

Progress = Callable[[int, int], None]
"""Called with (done, total); `total` is 0 while it is unknown."""


@dataclass(frozen=True)
class Sample(Declared):
    """Data that a person without any can start from."""

    name: str
    title: str
    description: str
    origin: str
    licence: str
    real: bool
    """False where the data are synthetic: then every number of theirs says so."""
    needs: str | None = None
    """What must be installed first, in words; None where it is always here."""
    shift_of: tuple[str, ...] = ()
    """The samples of the same task of whose classes these are in a new domain, by their names."""


def no_such_sample(name: str, known: Iterable[str]) -> InputError:
    """Why a sample of that name cannot be made."""
    accepted = _("known: {known}", known=", ".join(known))
    return InputError(Problem(_("sample {name}", name=name), _("there is no such sample"), accepted))


@dataclass(frozen=True)
class Skipped:
    """A file or row that was left out, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class ReadAs:
    """Something that was guessed of somebody's data, and how to say otherwise."""

    what: str
    """In words: 'texts', 'dates', 'parts', 'decimal sign'."""
    value: str
    """What it was taken for; '' for nothing."""
    alternatives: list[str] = field(default_factory=list)
    """What else it may be, the likeliest first: values of the setting."""
    setting: str | None = None
    """The setting that changes it; None where nothing does."""
    why: str = ""
    """By what it was guessed, as a sentence; '' where the value says it."""

    def __str__(self) -> str:
        """What it was taken for, what else it may be, and how to say so on the command line."""
        said = f"{self.what}: {self.value or 'none'}"
        if self.setting is None:
            return said
        others = f": {', '.join(self.alternatives[:6])}" if self.alternatives else ""
        return _("{said} (otherwise --set {setting}=…{others})", said=said, setting=self.setting, others=others)


@dataclass
class DataReport:
    """What was found in somebody's data, before anything trains."""

    task: str
    data: str
    n_examples: int
    """As many as the task's unit says, or `unit` where that is another."""
    classes: dict[str, int]
    """Name -> examples; empty where the task has no classes."""
    splits: dict[str, int]
    """How many examples would train, validate and test, by the seed in the recipe."""
    skipped: list[Skipped]
    notes: list[str]
    """Things to know that are not wrong: small classes, duplicates, imbalance."""
    sha256: str
    gallery: list[dict[str, Any]] = field(default_factory=list)
    """A few examples to look at: {'label', 'name', and 'thumbnail': path or 'text'}. Empty unless asked for."""
    details: dict[str, Any] = field(default_factory=dict)
    """What only this task's page reads, e.g. the columns of a table and what each was taken for."""
    read_as: list[ReadAs] = field(default_factory=list)
    """Whatever was guessed, in the order in which a page shows it."""
    unit: str = ""
    """What `n_examples` counts, where that is not the task's unit."""
