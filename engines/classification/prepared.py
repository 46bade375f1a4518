"""A classifier's data, ready to train on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from engines.contract import Recipe, Skipped, Study
from engines.evidence import budgets
from engines.training import shots
from engines.training.examples import LabelledExamples
from engines.training.settings import TrainSettings


@dataclass
class Prepared:
    """Data that are ready to train on: read, split, numbered."""

    classes: list[str]
    names: list[str]
    """What each example is called: a file's path, a table's row."""
    examples: LabelledExamples
    parts: dict[str, np.ndarray]
    """'train', 'validation', 'test' -> positions in `examples`."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str
    folds: list[dict[str, np.ndarray]] = field(default_factory=list, kw_only=True)
    """Where every example is tested, each in one fold: of every fold, as `parts`."""
    fold_rates: list[float] = field(default_factory=list, kw_only=True)
    """Peak learning rate of each of their networks, once it is known."""

    @property
    def groups(self) -> list[str]:
        """One entry an example; those of one group, such as exact copies, stay on one side of every split."""
        return self.names

    @property
    def owners(self) -> list[str]:
        """Whose each example is, such as a patient's or a speaker's; empty where the data do not say it."""
        return [""] * len(self.names)

    @property
    def came_as(self) -> list[str]:
        """The class with which each example came, before anybody put it right."""
        return [self.classes[label] for label in self.examples.labels.tolist()]

    @property
    def dropped(self) -> np.ndarray:
        """int64 (M,): positions of the examples that somebody has left out."""
        return np.arange(0)

    @property
    def has_own_test(self) -> bool:
        """Whether the data say themselves what is tested on."""
        return False

    @property
    def has_own_parts(self) -> bool:
        """Whether the data say themselves what is tested on or what decides when to stop."""
        return self.has_own_test

    def original(self, number: int) -> Path | str:
        """The file of the example at that position, or its text."""
        raise NotImplementedError

    def own_part(self, number: int) -> str | None:
        """'train', 'validation' or 'test' where the data say so of it themselves."""
        return None

    def part(self, name: str) -> LabelledExamples:
        return self.examples.subset(torch.from_numpy(self.parts[name]))

    def labels(self, part: str) -> np.ndarray:
        """int64 (N,)"""
        return self.examples.labels.numpy()[self.parts[part]]


P = TypeVar("P", bound=Prepared)


def within_shots(prepared: P, recipe: Recipe, settings: TrainSettings, unit: str) -> P:
    """The data with as few examples to learn from as the setting `shots` says, and a note of it; else as they are."""
    few = getattr(settings, "shots", 0)
    if not few:
        return prepared
    own_test = recipe.test is not None or prepared.has_own_test
    labels = prepared.examples.labels.numpy()
    parts, said = shots.drawn(prepared.parts, labels, prepared.groups, few, recipe.seed, own_test=own_test, unit=unit)
    return replace(prepared, parts=parts, notes=[*prepared.notes, said])


class HoldsBack(Study):
    """A study whose test can be put away."""

    prepared: Prepared

    def hold_back_test(self) -> None:
        """See `contract.Study.hold_back_test`."""
        parts, known = self.prepared.parts, self.prepared.groups
        self.require_held_out(len(parts["validation"]))
        learning = parts["train"]
        labels, groups = self.prepared.labels("train").tolist(), [known[i] for i in learning]
        chosen, checked = budgets.within(labels, groups, len(learning), self.recipe.seed)
        own = {"train": learning[chosen], "validation": learning[np.array(checked, dtype=np.int64)]}
        self.prepared = replace(self.prepared, parts={**own, "test": parts["validation"]})
