"""Tables whose dates stand side by side, as headings: they are turned into one row a date."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Literal

from engines.contract import InputError, Problem
from engines.data.row_sampling import Source, listed, named
from engines.forecasting.series import coded_dates
from engines.forecasting.series.column import Column, look
from engines.forecasting.series.date_parts import CALLED
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.months import month_named, plain
from engines.messages import _

Across = Literal["", "months", "dates", "years", "steps"]
LOOKED_AT = 200
"""Rows."""
FEWEST = 3
"""Dates side by side."""
MOSTLY = 0.8
SUMS = {
    "total",
    "totals",
    "sum",
    "annual",
    "average",
    "avg",
    "mean",
    "summe",
    "gesamt",
    "totaal",
    "somme",
    "suma",
    "totale",
}
DRESSED = re.compile(r"X(?=\d)|YR(?=\d{4}$)|^(?P<year>\d{4}) \[YR(?P=year)\]$", re.IGNORECASE)
"""What R and the World Bank put around a year."""
COUNTED = re.compile(r"(?:d|day|t|v|w|wk|week|m|month|p|period|step)[_ ]?(\d+)", re.IGNORECASE)
FEWEST_STEPS = 12
SPELT = {"quarter": "Q{}", "week": "W{:02d}"}
PERIOD = re.compile(r"(?P<letter>[MQWK])[_ ]?(?P<number>\d{1,2})", re.IGNORECASE)
LETTERS = {"m": "month", "q": "quarter", "k": "quarter", "w": "week"}
COUNTS = {12: "month", 4: "quarter", 52: "week", 53: "week"}


@dataclass(frozen=True)
class LaidOut:
    """A table with one row a date."""

    source: Source
    across: Across = ""
    """What stood side by side; '' where the dates stand one below the other already."""


def laid_out(table: str, source: Source, layout: str) -> LaidOut:
    """`layout`: as the setting says it. Raises InputError where dates side by side are asked for and there are none."""
    first = list(islice(source.rows, LOOKED_AT))
    columns, renamed = named([column.removeprefix("\ufeff") for column in source.columns])
    source.notes += [note for note in renamed if note not in source.notes]
    whole = replace(source, columns=columns if source.fixed else source.columns, rows=chain(first, source.rows))
    if layout == "below" or not first:
        return LaidOut(whole)
    cells = [[row[index].strip() if index < len(row) else "" for _, row in first] for index in range(len(columns))]
    beside = [Beside(name, index, column) for index, (name, column) in enumerate(zip(columns, cells, strict=True))]
    found = _months(beside) or _dates(beside) or _steps(beside)
    if found is None:
        if layout == "side by side":
            found_here = _("no dates stand side by side in {table}", table=table)
            raise InputError(Problem(_("setting layout"), found_here, _("accepted: headings such as 2020-01 or Jan")))
        return LaidOut(whole)
    return LaidOut(_turned(whole, found), found.across)


@dataclass(frozen=True)
class Beside:
    """A column as one of many side by side."""

    name: str
    index: int
    cells: list[str]

    @property
    def heading(self) -> str:
        return DRESSED.sub(lambda match: match["year"] or "", self.name.strip())

    @property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell]

    def looked(self) -> Column:
        return look(self.name, self.cells)

    def period(self, cell: str) -> str:
        """What stands behind the year for a cell of a column such as 'Month'; '' where it is none."""
        found = _period(cell)
        if found is None and cell.removesuffix(".0").isdecimal():
            kind = CALLED.get(plain(self.name.strip()))
            found = (kind, int(float(cell))) if kind in {"month", "quarter", "week"} else None
        return SPELT.get(found[0], "{:02d}").format(found[1]) if found else ""

    @property
    def is_sum(self) -> bool:
        return bool(set(re.findall(r"\w+", plain(self.name))) & SUMS)


@dataclass(frozen=True)
class Found:
    """Columns of one date each, and what else makes the date."""

    across: Across
    turned: dict[int, str]
    """A column's place -> the date that its heading says."""
    kept: list[Beside]
    """Columns that stay beside the date."""
    left_out: list[str]
    own: int | None = None
    """The column that holds the other part of the date."""
    together: Callable[[str, str], str] = lambda heading, _: heading
    """The date by a heading and that column's cell."""


def _months(columns: list[Beside]) -> Found | None:
    """Year by year one below the other, and the months (quarters, weeks) of each side by side."""
    periods = {column.index: found for column in columns if (found := _period(column.heading))}
    kinds = {kind for kind, _ in periods.values()}
    rest = [column for column in columns if column.index not in periods]
    years = [column for column in rest if _share(column, _is_year) >= MOSTLY]
    if not kinds and years:
        numbers = [int(c.heading) for c in rest if c.heading.isdecimal()]
        kind = COUNTS.get(len(numbers))
        if kind and numbers == list(range(1, len(numbers) + 1)):
            periods = {c.index: (kind, int(c.heading)) for c in rest if c.heading.isdecimal()}
            kinds, rest = {kind}, [c for c in rest if c.index not in periods]
            years = [column for column in years if column.index not in periods]
    if len(kinds) != 1 or len(periods) < FEWEST or not years:
        return None
    spelt = SPELT.get(kinds.pop(), "{:02d}")
    turned = {index: spelt.format(number) for index, (_, number) in periods.items()}
    kept, left_out = _kept([column for column in rest if column is not years[0]])
    return Found("months", turned, kept, left_out, years[0].index, lambda heading, year: f"{year[:4]}-{heading}")


def _dates(columns: list[Beside]) -> Found | None:
    """A date in each heading, one series a row."""
    dated = [c for c in columns if take_apart(c.heading) is not None or coded_dates.NUMBER.fullmatch(c.heading)]
    rest = [column for column in columns if column not in dated]
    headings = look("date", [column.heading for column in dated])
    if len(dated) < FEWEST or not headings.is_date or len(set(headings.values)) < len(dated):
        return None
    if any(_share(column, lambda cell: take_apart(cell) is not None) >= MOSTLY for column in rest):
        return None
    turned = {column.index: column.heading for column in dated}
    years = all(map(_is_year, headings.values))
    own = next((column for column in rest if years and _share(column, column.period) >= MOSTLY), None)
    kept, left_out = _kept([column for column in rest if column is not own])
    if own is None:
        return Found("dates", turned, kept, left_out)
    period = own.period
    return Found("years", turned, kept, left_out, own.index, lambda year, cell: f"{year[:4]}-{period(cell)}")


def _steps(columns: list[Beside]) -> Found | None:
    """Headings that count: d_1, d_2, …, one series a row."""
    numeric = [column for column in columns if column.looked().is_number]
    counted = {c.index: match[1] for c in numeric if (match := COUNTED.fullmatch(c.heading))}
    numbers = [int(number) for number in counted.values()]
    rest = [column for column in columns if column.index not in counted]
    if len(numbers) < FEWEST_STEPS or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or not rest:
        return None
    if any(column.looked().is_date for column in rest) or len(rest) > len(counted):
        return None
    kept, left_out = _kept(rest)
    return Found("steps", counted, kept, left_out) if kept else None


def _kept(rest: list[Beside]) -> tuple[list[Beside], list[str]]:
    """Columns that may tell the series apart, and names of those that only add up or measure."""
    kept, left_out = [], []
    for column in rest:
        looked = column.looked()
        if column.is_sum or (looked.filled and looked.is_number and not looked.is_whole):
            left_out.append(column.name)
        elif looked.filled:
            kept.append(column)
    return kept, left_out


def _turned(source: Source, found: Found) -> Source:
    names = [column.name for column in found.kept]
    date, value = (next(n for n in (name, f"{name}_", f"{name}__") if n not in names) for name in ("date", "value"))
    if found.across == "steps":
        date = "step"
    said = {
        "months": _("The periods of a year"),
        "dates": _("The dates"),
        "years": _("The years"),
        "steps": _("The steps"),
    }
    source.notes.append(
        _(
            "{said} stand side by side in {turned:,} columns: they were turned into one row for each value.",
            said=said[found.across],
            turned=len(found.turned),
        )
    )
    if found.left_out:
        source.notes.append(_("Not used: {left_out}, beside the dates.", left_out=listed(found.left_out)))

    def rows() -> Iterator[tuple[int, list[str]]]:
        for position, cells in source.rows:
            own = _at(cells, found.own) if found.own is not None else ""
            kept = [_at(cells, column.index) for column in found.kept]
            for index, heading in found.turned.items():
                yield position, [*kept, found.together(heading, own), _at(cells, index)]

    return replace(source, columns=[*names, date, value], rows=rows(), fixed=False)


def _at(cells: list[str], index: int) -> str:
    return cells[index].strip() if index < len(cells) else ""


def _share(column: Beside, able: Callable[[str], object]) -> float:
    return sum(bool(able(cell)) for cell in column.filled) / len(column.filled) if column.filled else 0.0


def _is_year(cell: str) -> bool:
    return bool(re.fullmatch(r"[12]\d{3}(\.0)?", cell))


def _period(text: str) -> tuple[str, int] | None:
    """The month, quarter or week that a heading says: 'Jan', 'M01', 'Q1', 'W07'."""
    if (month := month_named(text)) is not None:
        return "month", month
    found = PERIOD.fullmatch(text.strip())
    return (LETTERS[found["letter"].casefold()], int(found["number"])) if found else None
