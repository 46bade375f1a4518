"""Columns whose future is known, as numbers beside each series: collected row by row, then laid on the series' grid."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem
from engines.data.row_sampling import listed
from engines.forecasting.labels import names_in
from engines.forecasting.series.buckets import Buckets
from engines.forecasting.series.frequency import Frequency
from engines.forecasting.series.numbers import Numerals, number
from engines.messages import _

MOST_LEVELS = 12
"""Different texts in a column; each becomes a feature of its own."""
MOST_FEATURES = 40
MOST_AHEAD = 480
"""Steps after the last value that are kept: the longest horizon."""


@dataclass
class Known:
    """One column that is known ahead, as the whole table shows it."""

    name: str
    text: bool
    """Whether its cells are words, each a feature of its own."""
    levels: set[str] = field(default_factory=set)
    numerals: Numerals = field(default_factory=Numerals)

    def see(self, cell: str) -> None:
        if not self.text:
            self.numerals.see(cell)
        elif cell and len(self.levels) <= MOST_LEVELS:
            self.levels.add(cell)

    @property
    def features(self) -> list[str]:
        """'Temperature', or 'promotion=yes' and 'promotion=no'."""
        return [f"{self.name}={level}" for level in sorted(self.levels)] if self.text else [self.name]

    def values(self, cell: str) -> list[float]:
        """One a feature; nan where the cell is empty or no number."""
        if self.text:
            return [float(cell == level) if cell else math.nan for level in sorted(self.levels)]
        found = number(cell, self.numerals.decimal() or ".")
        return [found if found is not None and math.isfinite(found) else math.nan]


def named_ahead(table: str, columns: list[str], said: str, others: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The columns that the setting `known_ahead` names, in the order of the table. `others`: what was chosen for the
    dates, the series and the values. Raises InputError for one that is not there, or among these."""
    by_case = {name.casefold(): name for name in columns}
    problems, found = [], set()
    for name in names_in(said):
        own = by_case.get(name.casefold())
        part = next((part for part, chosen in others.items() if own in chosen), None)
        if own is None:
            accepted = _("accepted: {columns}", columns=listed(columns))
            problems.append(
                Problem(_("setting known_ahead"), _("{table} has no column '{name}'", table=table, name=name), accepted)
            )
        elif part is not None:
            accepted = _("accepted: columns beside those of dates, series and values")
            problems.append(
                Problem(
                    _("setting known_ahead"), _("'{name}' is the column of the {part}", name=name, part=part), accepted
                )
            )
        else:
            found.add(own)
    if problems:
        raise InputError(*problems)
    return tuple(name for name in columns if name in found)


def checked(table: str, columns: list[Known]) -> list[str]:
    """The names of all features. Raises InputError where a column has too many different texts."""
    problems = []
    for column in columns:
        if len(column.levels) > MOST_LEVELS:
            found = _(
                "column '{name}' of {table} holds more than {most_levels} different texts",
                name=column.name,
                table=table,
                most_levels=MOST_LEVELS,
            )
            accepted = _(
                "accepted: a column of numbers, or of at most {most_levels} different texts", most_levels=MOST_LEVELS
            )
            problems.append(Problem(_("setting known_ahead"), found, accepted))
    names = [name for column in columns for name in column.features]
    if not problems and len(names) > MOST_FEATURES:
        found = _("the columns that are known ahead give {names} features", names=len(names))
        problems.append(
            Problem(
                _("setting known_ahead"), found, _("accepted: at most {most_features}", most_features=MOST_FEATURES)
            )
        )
    if problems:
        raise InputError(*problems)
    return names


class Beside:
    """The features of every row, on disk until the series are laid on their grid."""

    def __init__(self, folder: Path, columns: list[Known], names: list[str], shared: bool):
        """`shared`: one set of values for all series, as in a wide table."""
        self.columns, self.names, self.shared = columns, names, shared
        self._buckets = [Buckets(folder.with_name(f"{folder.name}-{number}")) for number in range(len(names))]

    def add(self, series: str, moment: int, cells: list[str]) -> None:
        """cells: one a column."""
        found = [value for column, cell in zip(self.columns, cells, strict=True) for value in column.values(cell)]
        for buckets, value in zip(self._buckets, found, strict=True):
            buckets.add("" if self.shared else series, moment, value)

    def close(self) -> None:
        for buckets in self._buckets:
            buckets.close()

    def folders(self) -> list[Path]:
        return [buckets.folder for buckets in self._buckets]

    def on_grid(self, series: str, start: int, length: int, frequency: Frequency) -> np.ndarray:
        """float64 (length + steps that are known beyond, features), nan where a step has none; the mean of several in
        one step. `start`: grid step of the series' first value."""
        columns = []
        for buckets in self._buckets:
            own = buckets.of("" if self.shared else series)
            own = own[np.isfinite(own["value"])]
            places = frequency.positions(own["moment"]) - start
            within = (places >= 0) & (places < length + MOST_AHEAD)
            total = np.bincount(places[within], own["value"][within], minlength=length + MOST_AHEAD)
            count = np.bincount(places[within], minlength=length + MOST_AHEAD)
            columns.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
        whole = np.stack(columns, axis=1)
        last = np.flatnonzero(np.isfinite(whole).any(1))
        return whole[: max(length, int(last[-1]) + 1 if len(last) else 0)]
