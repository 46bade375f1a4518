"""One column of somebody's table, as its first cells show it: dates, numbers, or words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from engines.contract import InputError, Problem
from engines.forecasting.labels import NO_COLUMN
from engines.forecasting.series import coded_dates
from engines.forecasting.series.date_parts import part_of_date, words_of
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.months import plain
from engines.forecasting.series.numbers import Numerals, number
from engines.messages import _

DATES = (
    "ds",
    "date",
    "datetime",
    "timestamp",
    "time",
    "period",
    "month",
    "day",
    "week",
    "quarter",
    "year",
    "datum",
    "fecha",
    "data",
    "monat",
    "maand",
    "jahr",
    "jaar",
    "zeit",
    "tijd",
    "t",
    "step",
    "timestep",
    "timeidx",
)
NEVER_VALUES = {"ds", "date", "datetime", "timestamp", "datum", "fecha"}
"""Of these, what nobody calls numbers that are to be forecast."""
ROW_NUMBERS = re.compile(
    r"|unnamed: ?\d+|index|row|row_?names?|rownames|idx|id|no|nr|#|n|obs|rn|x1|level_\d+|_c0|\.+\d+|column_\d+"
)
"""What a column that only counts the rows is called."""
MOSTLY = 0.8
"""A column holds dates, or numbers, where this share of its cells does."""
REGULAR = 0.2
"""Numbers in a column called 'date' are dates where they make up that much of an even grid."""
VERY_REGULAR = 0.8
"""The same, whatever the column is called."""


@dataclass
class Column:
    """What the first rows say of a column."""

    name: str
    cells: list[str]
    """All of them, stripped."""
    values: list[str] = field(default_factory=list)
    """Those that are not empty."""
    dates: int = 0
    numbers: int = 0
    timed: bool = False
    """Whether a date has a time of day."""
    forms: list[tuple[str, float]] = field(default_factory=list)
    """How its numbers may be dates, each with how even the steps are, the likeliest first."""
    part: str | None = None
    """The part of a date that it holds: 'year', 'month', 'hour' …"""
    numerals: Numerals = field(default_factory=Numerals)

    @property
    def filled(self) -> int:
        return len(self.values)

    @property
    def words(self) -> set[str]:
        return words_of(self.name)

    @property
    def is_number(self) -> bool:
        return self.numbers >= MOSTLY * max(1, self.filled)

    @property
    def is_whole(self) -> bool:
        """Whether all its cells are whole numbers, as those that number shops and products are."""
        return bool(self.values) and all(re.fullmatch(r"-?\d+(\.0)?", value) for value in self.values)

    @property
    def is_date(self) -> bool:
        return bool(self.form) if self.forms else self.dates >= MOSTLY * max(1, self.filled) and not self.is_number

    @property
    def form(self) -> str:
        """How its numbers are dates; '' where they are no dates, or written in full."""
        if not self.forms:
            return ""
        form, even = self.forms[0]
        if form == "years":
            return form if self._counts_years or self.words & {*DATES, "years"} else ""
        if self.words & set(DATES):
            return form if even >= REGULAR or form in coded_dates.SAFE else ""
        return form if even >= VERY_REGULAR and form in coded_dates.SAFE and not self.words & {"id", "sku"} else ""

    @property
    def open_forms(self) -> list[str]:
        """The forms between which nothing decides; one where it is clear."""
        return [form for form, even in self.forms if even >= self.forms[0][1] - coded_dates.ALIKE]

    @property
    def _counts_years(self) -> bool:
        steps = {float(after) - float(before) for before, after in pairwise(self.values)}
        return steps == {1.0}

    @property
    def counts_steps(self) -> bool:
        """Whether it numbers the steps, by its name and its cells."""
        return bool(self.words & set(DATES)) and coded_dates.numbered_steps(self.values)

    @property
    def counts_rows(self) -> bool:
        """Whether it only says the number of the row."""
        if not ROW_NUMBERS.fullmatch(self.name.strip().casefold()) or not self.is_whole or self.filled < 3:
            return False
        return {float(after) - float(before) for before, after in pairwise(self.values)} == {1.0}


def look(name: str, cells: Iterable[str]) -> Column:
    """A column's first cells, looked at. Empty cells count for nothing."""
    column = Column(name, [cell.strip() for cell in cells])
    column.values = [cell for cell in column.cells if cell]
    coded = sum(bool(coded_dates.NUMBER.fullmatch(cell)) for cell in column.values)
    if column.values and coded >= 0.98 * len(column.values):
        numbers = [cell for cell in column.values if coded_dates.NUMBER.fullmatch(cell)]
        column.forms = coded_dates.forms_of(numbers, column.words)
    for cell in column.values:
        parts = take_apart(cell)
        if parts is not None:
            column.dates += 1
            column.timed |= parts.seconds % 86_400 != 0
        column.numerals.see(cell)
    decimal = column.numerals.decimal() or "."
    column.numbers = sum(number(cell, decimal) is not None for cell in column.values)
    column.part = part_of_date(name, column.values)
    return column


def few(column: Column) -> str:
    shown = ", ".join(repr(value[:20]) for value in column.values[:3])
    return _("it begins with {shown}", shown=shown) if shown else _("it is empty")


def require_none_called_so(table: str, columns: Iterable[Column]) -> None:
    """Raises InputError, to ask, where a column is called as dates are and holds numbers that are none: it would be
    forecast as the others are."""
    for column in columns:
        if plain(column.name) in NEVER_VALUES and column.numbers == column.filled and len(set(column.values)) > 2:
            shown = _("such as {values} and {column_values}", values=column.values[0], column_values=column.values[-1])
            found = _(
                "the numbers of '{name}' in {table} ({shown}) are no dates that can be told",
                name=column.name,
                table=table,
                shown=shown,
            )
            accepted = _(
                "say which column holds the dates, or '{no_column}' where the rows are steps in their order",
                no_column=NO_COLUMN,
            )
            raise InputError(Problem(_("setting date_column"), found, accepted, choices=(NO_COLUMN,)))
