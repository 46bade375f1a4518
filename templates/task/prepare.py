"""From what a person brings to examples that are ready to learn from.

To change: how one example is read (`read`, `values_of`), and what the network reads of it (`inputs`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.classification import prepared as classification
from engines.contract import InputError, Problem, Progress, Skipped
from engines.data import labelled
from engines.data.class_names import clean
from engines.data.splits import complete
from engines.data.tables import read_table
from engines.messages import _
from engines.training.examples import Labelled
from templates.task.network import standardised
from templates.task.settings import LENGTH, ShapesSettings

COLUMNS = [f"v{n}" for n in range(LENGTH)]
LARGEST = 1e30
ACCEPTED = _("accepted: a CSV with a row a signal: v0 to v{length}, and label", length=LENGTH - 1)
KIND = labelled.Kind("signal", "signals", ACCEPTED, copies=_("Exact copies"), twin="signal")


@dataclass(frozen=True)
class Signal:
    """One row of a table."""

    name: str
    values: np.ndarray
    """float32 (LENGTH,)"""
    label: str = ""
    split: str | None = None
    """'test' where it came as separate test data."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.values.tobytes()).hexdigest()


class Signals(Labelled):
    """See `training.examples.LabelledExamples`. Nothing is varied: `varied` gives what `plain` gives."""

    variation = ""

    def __init__(self, inputs: Tensor, labels: Tensor):
        self.inputs, self.labels = inputs, labels
        self.identity = hashlib.sha256(inputs.numpy().tobytes()).hexdigest()

    def plain(self, indices: Tensor) -> Tensor:
        return self.inputs[indices]

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        return self.plain(indices)

    def subset(self, chosen: Tensor) -> Signals:
        return Signals(self.inputs[chosen], self.labels[chosen])


@dataclass
class Prepared(classification.Prepared):
    """Examples that are read and split, and the signals that they are."""

    signals: list[Signal]

    @property
    def groups(self) -> list[str]:
        return [signal.sha256 for signal in self.signals]


def prepare(
    data: Path, test: Path | None, settings: ShapesSettings, seed: int, progress: Progress | None = None
) -> Prepared:
    """What `check` tells of and `fit` learns from. Raises InputError where nothing could be learnt or tested."""
    signals, skipped, notes = read(data, progress)
    labelled.require_enough(data.name, signals, skipped, True, KIND)
    if test is not None:
        extra, left_out, _unused = read(test, progress)
        labelled.require_enough(test.name, extra, left_out, False, KIND)
        signals, remarks = labelled.with_test(signals, extra, test.name, KIND.many)
        skipped, notes = [*skipped, *left_out], [*notes, *remarks]
    labels = [signal.label for signal in signals]
    parts = complete(
        [signal.split for signal in signals],
        labels,
        [signal.sha256 for signal in signals],
        validation=settings.validation_fraction,
        test=settings.test_fraction,
        seed=seed,
    )
    if "test" not in parts:
        raise InputError(
            Problem(data.name, _("no signals are left to test on"), _("accepted: more signals of each class"))
        )
    classes = sorted(set(labels))
    return Prepared(
        classes,
        [signal.name for signal in signals],
        Signals(inputs(signals), torch.tensor([classes.index(label) for label in labels])),
        {part: np.flatnonzero(np.array(parts) == part) for part in ("train", "validation", "test")},
        skipped,
        [*notes, *labelled.notes(labels, signals, KIND)],
        labelled.digest(signals),
        signals,
    )


def read(
    path: Path, progress: Progress | None = None, *, with_labels: bool = True
) -> tuple[list[Signal], list[Skipped], list[str]]:
    """The usable rows of a table, the others, and how it was read. Raises InputError for a table of no use."""
    table = read_table(path, progress=progress)
    wanted = [*COLUMNS, "label"] if with_labels else COLUMNS
    if missing := [name for name in wanted if name not in table.columns]:
        raise InputError(Problem(path.name, _("it has no column '{missing}'", missing=missing[0]), ACCEPTED))
    places = [table.index(name) for name in COLUMNS]
    labels = table.column("label") if with_labels else [""] * len(table.rows)
    found, skipped = [], list(table.skipped)
    for number, (row, label) in enumerate(zip(table.rows, labels, strict=True)):
        try:
            values = values_of([row[place] for place in places])
            if with_labels and not clean(label):
                raise ValueError(_("has no label"))
            found.append(Signal(table.where(number), values, clean(label)))
        except ValueError as error:
            skipped.append(Skipped(table.where(number), str(error)))
    return found, skipped, table.notes


def values_of(cells: Sequence[str]) -> np.ndarray:
    """float32 (LENGTH,). Raises ValueError that says what is wrong, to go on with after 'line 17'."""
    values = np.empty(LENGTH, dtype=np.float32)
    for name, place, cell in zip(COLUMNS, range(LENGTH), cells, strict=True):
        try:
            number = float(cell)
        except ValueError:
            number = float("nan")
        if not abs(number) < LARGEST:  # neither is what is no number
            raise ValueError(_("has no number below {largest:g} in {name}", largest=LARGEST, name=name))
        values[place] = number
    return values


def inputs(signals: Sequence[Signal]) -> Tensor:
    """What the network reads of them, float32 (N, LENGTH)."""
    return standardised(torch.from_numpy(np.stack([signal.values for signal in signals])))
