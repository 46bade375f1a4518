"""Which column holds the dates, which the numbers, and which says what series a row belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from engines.contract import InputError, Problem
from engines.data.collecting import listed
from engines.forecasting.dates import Parts, take_apart
from engines.forecasting.names import names_in
from engines.forecasting.numerals import Numerals, number

DATES = ("ds", "date", "datetime", "timestamp", "time", "period", "month", "day", "week", "quarter", "year", "datum")
SERIES = ("unique_id", "series", "series_id", "item_id", "id", "symbol", "ticker", "store", "item", "product", "name",
          "station", "city", "country", "region", "location", "sensor")  # fmt: skip
VALUES = ("y", "value", "target", "price", "close", "sales", "demand", "count", "amount", "quantity", "volume", "temp",
          "temperature", "passengers")  # fmt: skip
MOSTLY = 0.8
"""A column holds dates, or numbers, where this share of its cells does."""
Layout = Literal["long", "wide", "one series"]


@dataclass
class Column:
    """What the first rows say of a column."""

    name: str
    filled: int = 0
    dates: int = 0
    numbers: int = 0
    shapes: set[str] = field(default_factory=set)
    values: list[str] = field(default_factory=list)
    numerals: Numerals = field(default_factory=Numerals)

    @property
    def is_date(self) -> bool:
        return self.dates >= MOSTLY * max(1, self.filled) and not self.only_years_by_chance

    @property
    def only_years_by_chance(self) -> bool:
        """Numbers such as 1950 are years only where the column is called so, or counts them up one by one."""
        if not self.shapes & {"year", "compact", "seconds since 1970", "milliseconds since 1970"}:
            return False
        if self.name.casefold() in DATES or "year" in self.name.casefold() or "date" in self.name.casefold():
            return False
        try:
            numbers = [float(value) for value in self.values]
        except ValueError:
            return False
        steps = {after - before for before, after in pairwise(numbers)}
        return not (self.shapes == {"year"} and steps == {1.0})

    @property
    def is_number(self) -> bool:
        return self.numbers >= MOSTLY * max(1, self.filled)


@dataclass(frozen=True)
class Columns:
    """What each column of a table was taken for. `values` has several in a wide table: one series a column."""

    layout: Layout
    date: str | None
    """None where there are no dates: the rows are then steps, in the order of the file."""
    series: str | None
    values: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """Columns that hold something and are not read."""
    ahead: tuple[str, ...] = ()
    """Columns whose future is known."""


def look(name: str, cells: list[str]) -> Column:
    """A column's first cells, looked at. Empty cells count for nothing."""
    column = Column(name, values=[cell.strip() for cell in cells if cell.strip()])
    column.filled = len(column.values)
    for cell in column.values:
        parts: Parts | None = take_apart(cell)
        if parts is not None:
            column.dates += 1
            column.shapes.add(parts.shape.split(",")[0])
        column.numerals.see(cell)
    decimal = column.numerals.decimal() or "."
    column.numbers = sum(number(cell, decimal) is not None for cell in column.values)
    return column


def guess(table: str, looked: list[Column], date: str, series: str, value: str, ahead: str = "") -> Columns:
    """Every column's part: as chosen by name (`date`, `series`, `value`; '' to guess), else by its name and cells.
    `ahead` names the columns whose future is known, as `known_ahead` of the settings does.

    Raises InputError for a chosen column that is not there or holds something else, and where no column has numbers.
    """
    known = _known_ahead(table, looked, ahead, {"date": date, "series": series, "value": value})
    found = _parts(table, [column for column in looked if column.name not in known], date, series, value)
    found = replace(found, ahead=known)
    used = {found.date, found.series, *found.values, *known}
    unused = tuple(column.name for column in looked if column.filled and column.name not in used)
    if not unused:
        return found
    said = (
        f"Not used: {listed(list(unused))}. Columns whose future is known, such as holidays or promotions, can be: "
        "name them as known ahead."
    )
    return replace(found, unused=unused, notes=(*found.notes, said))


def _known_ahead(table: str, looked: list[Column], ahead: str, others: dict[str, str]) -> tuple[str, ...]:
    """The columns that are known ahead, in the order of the table. Raises InputError."""
    by_case = {column.name.casefold(): column.name for column in looked}
    problems, found = [], set()
    for name in names_in(ahead):
        part = next((part for part, chosen in others.items() if chosen.casefold() == name.casefold()), None)
        if name.casefold() not in by_case:
            accepted = f"accepted: {listed(list(by_case.values()))}"
            problems.append(Problem("setting known_ahead", f"{table} has no column '{name}'", accepted))
        elif part is not None:
            accepted = "accepted: columns beside those of dates, series and values"
            problems.append(Problem("setting known_ahead", f"'{name}' is the column of the {part}", accepted))
        else:
            found.add(by_case[name.casefold()])
    if problems:
        raise InputError(*problems)
    return tuple(column.name for column in looked if column.name in found)


def _parts(table: str, looked: list[Column], date: str, series: str, value: str) -> Columns:
    """`guess`, without what is left over."""
    known = {column.name: column for column in looked}
    by_case = {name.casefold(): name for name in known}
    problems = []
    for what, chosen in (("date_column", date), ("id_column", series), ("value_column", value)):
        if chosen and chosen.casefold() not in by_case:
            problems.append(
                Problem(f"setting {what}", f"{table} has no column '{chosen}'", f"accepted: {listed(list(known))}")
            )
    if problems:
        raise InputError(*problems)
    date, series, value = (by_case[chosen.casefold()] if chosen else "" for chosen in (date, series, value))
    notes: list[str] = []
    dates = [column for column in looked if column.is_date and column.name not in {series, value}]
    if date and not known[date].is_date:
        seen = f"most of column '{date}' are no dates ({_few(known[date])})"
        raise InputError(Problem("setting date_column", seen, "accepted: dates such as 2024-01-31"))
    if not date and dates:
        date = min(dates, key=lambda column: (_rank(column.name, DATES), looked.index(column))).name
    taken = {date, series}
    numbers = [column.name for column in looked if column.is_number and column.filled and column.name not in taken]
    words = [
        column for column in looked if column.filled and not column.is_number and not column.is_date
        and column.name not in {date, value}
    ]  # fmt: skip
    if not series:
        series = _series_column(looked, words, date, numbers, value)
        numbers = [name for name in numbers if name != series]
    if value:
        if not known[value].is_number:
            seen = f"most of column '{value}' are no numbers ({_few(known[value])})"
            raise InputError(Problem("setting value_column", seen, "accepted: a column of numbers"))
        return Columns("long" if series else "one series", date or None, series or None, (value,), tuple(notes))
    if not numbers:
        nearly = max(looked, key=lambda column: column.numbers / max(1, column.filled))
        seen = f"no column holds numbers; the nearest is '{nearly.name}' ({_few(nearly)})"
        raise InputError(Problem(table, seen, "accepted: a column of dates and one or more of numbers"))
    if series:
        best = min(numbers, key=lambda name: (_rank(name, VALUES), numbers.index(name)))
        if len(numbers) > 1:
            notes.append(f"Several columns hold numbers: '{best}' is forecast. Choose another as the value column.")
        return Columns("long", date or None, series, (best,), tuple(notes))
    layout: Layout = "one series" if len(numbers) == 1 else "wide"
    return Columns(layout, date or None, None, tuple(numbers), tuple(notes))


def _series_column(looked: list[Column], words: list[Column], date: str, numbers: list[str], value: str) -> str:
    """The column whose repeated entries tell the series apart, or ''."""
    repeated = [column for column in words if 1 <= len(set(column.values)) <= max(1, 0.5 * column.filled)]
    times = next((column.values for column in looked if column.name == date), [])
    several = len(set(times)) < 0.9 * len(times)
    if several and not repeated:  # series numbered 1, 2, 3
        others = [column for column in looked if column.name in numbers and column.name != value]
        repeated = (
            [column for column in others if _rank(column.name, SERIES) < len(SERIES)][:1] if len(numbers) > 1 else []
        )
    if not repeated or (times and not several):
        named = [column for column in repeated if _rank(column.name, SERIES) < len(SERIES)]
        return named[0].name if named and len(set(named[0].values)) == 1 else ""
    return min(repeated, key=lambda column: (_rank(column.name, SERIES), -len(set(column.values)))).name


def _rank(name: str, known: tuple[str, ...]) -> int:
    """The place of a column's name among the usual ones; a name that contains one comes after those."""
    plain = name.strip().casefold().replace(" ", "_")
    if plain in known:
        return known.index(plain)
    return len(known) if not any(len(word) > 3 and word in plain for word in known) else len(known) - 1


def _few(column: Column) -> str:
    shown = ", ".join(repr(value[:20]) for value in column.values[:3])
    return f"it begins with {shown}" if shown else "it is empty"
