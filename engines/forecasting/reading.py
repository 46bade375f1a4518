"""From somebody's table to even series: what each column is, how dates and numbers are written, row by row."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engines import places
from engines.contract import InputError, Problem, Progress, Skipped
from engines.data.archive import is_clutter, unpack
from engines.data.collecting import Source
from engines.data.delimited import UnclosedQuote, open_delimited
from engines.data.prepared import prepared
from engines.data.tables import EXTENSIONS, open_table
from engines.forecasting import columns as guessing
from engines.forecasting import features, gridding
from engines.forecasting.columns import Columns
from engines.forecasting.dates import Calendar, moment, take_apart
from engines.forecasting.numerals import Numerals, number
from engines.forecasting.series import SeriesTable
from engines.forecasting.settings import ForecastSettings

VERSION = 4
"""Of what is kept on disk; raised when reading changes."""
LOOKED_AT = 1000
"""Rows by which columns are guessed."""
MOST_NAMED = 200
"""Rows that are left out and named; further ones are counted."""
KEPT_DATES = 200_000
ACCEPTED = "accepted: a CSV or Parquet table with a column of dates and one of numbers (and one that names the series)"


def open_series(data: Path, settings: ForecastSettings, progress: Progress | None = None) -> SeriesTable:
    """The series in a table (a file, or a folder or zip that holds one), read once and kept for the next time.

    Raises InputError when there is nothing to forecast, and where something has to be asked: the order of day and
    month, or what a comma in a number means.
    """
    table = the_table(data)
    chosen = {name: getattr(settings, name) for name in settings.reading()}
    key = hashlib.sha256(json.dumps([VERSION, chosen], sort_keys=True).encode()).hexdigest()[:16]

    def fill(folder: Path) -> list[Skipped]:
        _read(table, settings, folder, progress)
        return []

    work = places.work(table) / f"series-{key}"
    work.mkdir(exist_ok=True)
    folder, _ = prepared(table, work, fill)
    found = SeriesTable.load(folder)
    if progress:
        progress(found.observed, found.observed)
    return found


def the_table(data: Path) -> Path:
    """The one table in `data`. Raises InputError when there is none, or several."""
    if data.is_file() and zipfile.is_zipfile(data) and data.suffix.lower() != ".xlsx":
        data, _ = prepared(data, places.work(data), lambda folder: unpack(data, folder))
    if data.is_dir():
        files = [path for path in sorted(data.rglob("*")) if path.is_file()]
        files = [path for path in files if not is_clutter(str(path.relative_to(data)))]
        tables = [path for path in files if path.suffix.lower() in EXTENSIONS]
        if len(tables) != 1:
            found = f"it holds {len(tables)} tables" if tables else "there is no table in it"
            raise InputError(Problem(data.name, found, ACCEPTED))
        return tables[0]
    if not data.is_file():
        raise InputError(Problem(data.name, "there is no such file", ACCEPTED))
    return data


@dataclass
class Heard:
    """What a first walk through the whole table says."""

    columns: Columns
    calendar: Calendar = field(default_factory=Calendar)
    numerals: Numerals = field(default_factory=Numerals)
    known: list[features.Known] = field(default_factory=list)
    """Columns that are known ahead."""
    n_rows: int = 0


@dataclass
class Log:
    """Rows and cells that could not be used."""

    counted: str
    skipped: list[Skipped] = field(default_factory=list)
    n: int = 0
    infinite: int = 0
    text: int = 0

    def skip(self, position: int, reason: str) -> None:
        self.n += 1
        if self.n <= MOST_NAMED:
            self.skipped.append(Skipped(f"{self.counted} {position}", reason))


def _read(path: Path, settings: ForecastSettings, folder: Path, progress: Progress | None) -> None:
    quotes = True
    try:
        heard, notes = _survey(path, settings, quotes)
    except UnclosedQuote:
        quotes = False
        heard, notes = _survey(path, settings, quotes)
    day_first, decimal = _asked(path.name, heard, settings)
    source = _open(path, quotes, progress)
    log = Log(source.counted)
    in_utc = heard.calendar.in_utc
    buckets = gridding.Buckets(folder / "rows")
    beside = None
    if heard.known:
        names = features.checked(path.name, heard.known)
        beside = features.Beside(folder / "rows", heard.known, names, shared=heard.columns.series is None)
    _fill(buckets, beside, source, heard, day_first, decimal, in_utc, log)
    try:
        notes += [*heard.columns.notes, *_dates_in_words(heard.calendar, day_first, in_utc)]
        if heard.columns.date is None:
            notes.append("There is no column of dates: each series is taken as even steps, in the order of the file.")
        if decimal == ",":
            notes.append("Numbers are written with a decimal comma.")
        if log.text:
            held = gridding.counted(log.text, "cell among the numbers holds", "cells among the numbers hold")
            notes.append(f"{held} text: it counts as missing.")
        if log.infinite:
            held = gridding.counted(log.infinite, "infinite number counts", "infinite numbers count")
            notes.append(f"{held} as missing.")
        found = gridding.even(buckets, path.name, settings, heard.columns.date is not None, beside)
        found.columns = asdict(heard.columns) | {"known": source.columns, "day_first": day_first, "decimal": decimal}
        found.notes = notes + found.notes
        if log.n > MOST_NAMED:
            log.skipped.append(Skipped(path.name, f"has {log.n - MOST_NAMED:,} more rows that could not be used"))
        found.skipped = [*source.skipped, *log.skipped, *found.skipped]
        found.save(folder)
    finally:
        for used in (buckets.folder, *(beside.folders() if beside else ())):
            shutil.rmtree(used, ignore_errors=True)


def _open(path: Path, quotes: bool, progress: Progress | None) -> Source:
    return open_table(path, progress=progress) if quotes else open_delimited(path, quotes=False, progress=progress)


def _survey(path: Path, settings: ForecastSettings, quotes: bool) -> tuple[Heard, list[str]]:
    """The first walk: columns from the first rows, then every date and number."""
    source = _open(path, quotes, None)
    first: list[list[str]] = []
    heard: Heard | None = None
    seen: set[str] = set()
    for _, cells in _walk(source):
        if heard is None:
            first.append(cells)
            if len(first) < LOOKED_AT:
                continue
            heard = _begin(path, source.columns, first, settings, seen)
        else:
            _hear(heard, source.columns, cells, seen)
    heard = heard or _begin(path, source.columns, first, settings, seen)
    return heard, list(source.notes)


def _begin(path: Path, names: list[str], first: list[list[str]], settings: ForecastSettings, seen: set[str]) -> Heard:
    if not first:
        raise InputError(Problem(path.name, "there are no rows in it", ACCEPTED))
    names = _titles(names, len(first[0]))
    looked = [
        guessing.look(name, [cells[index] if index < len(cells) else "" for cells in first])
        for index, name in enumerate(names)
    ]
    chosen = (settings.date_column, settings.id_column, settings.value_column, settings.known_ahead)
    heard = Heard(guessing.guess(path.name, looked, *(name or "" for name in chosen)))
    by_name = {column.name: column for column in looked}
    heard.known = [features.Known(name, not by_name[name].is_number) for name in heard.columns.ahead]
    for cells in first:
        _hear(heard, names, cells, seen)
    return heard


def _hear(heard: Heard, names: list[str], cells: list[str], seen: set[str]) -> None:
    heard.n_rows += 1
    where = {name: index for index, name in enumerate(names)}
    if heard.columns.date is not None:
        text = _cell(cells, where[heard.columns.date])
        if text not in seen:
            if len(seen) < KEPT_DATES:
                seen.add(text)
            if (parts := take_apart(text)) is not None:
                heard.calendar.see(text, parts)
    for name in heard.columns.values:
        heard.numerals.see(_cell(cells, where[name]))
    for column in heard.known:
        column.see(_cell(cells, where[column.name]))


def _titles(names: list[str], width: int) -> list[str]:
    return [*names, *(f"column_{n}" for n in range(len(names) + 1, width + 1))]


def _walk(source: Source) -> Iterator[tuple[int, list[str]]]:
    for position, cells in source.rows:
        if any(cell and not cell.isspace() for cell in cells):
            yield position, cells


def _cell(cells: list[str], index: int) -> str:
    return cells[index].strip() if index < len(cells) else ""


def _asked(table: str, heard: Heard, settings: ForecastSettings) -> tuple[bool, str]:
    """Whether the day comes first, and the decimal sign. Raises InputError with every question that is open."""
    problems = []
    order: bool | None = {"day first": True, "month first": False}.get(settings.date_order, heard.calendar.order())
    if order is None:
        calendar = heard.calendar
        found = f"{table} has dates such as {calendar.open}, which may be read with the day or the month first"
        if calendar.day_first and calendar.month_first:
            found = f"{table} has dates both ways: {calendar.day_first} and {calendar.month_first}"
        problems.append(Problem("setting date_order", found, "say which it is: 'day first' or 'month first'"))
    decimal: str | None = {"comma": ",", "point": "."}.get(settings.decimal, heard.numerals.decimal())
    if decimal is None:
        n = heard.numerals
        shown = " and ".join(text for text in (n.comma, n.point, n.open) if text)
        found = f"{table} has numbers such as {shown}, in which the comma may be a decimal or a thousands sign"
        problems.append(Problem("setting decimal", found, "say which it is: 'comma' or 'point'"))
    if problems:
        raise InputError(*problems)
    return bool(order), decimal or "."


def _fill(
    buckets: gridding.Buckets, beside: features.Beside | None, source: Source, heard: Heard, day_first: bool,
    decimal: str, in_utc: bool, log: Log,
) -> None:  # fmt: skip
    """The second walk: every row to (series, moment, value), and what is known ahead beside it."""
    columns = heard.columns
    where: dict[str, int] = {}
    known: dict[str, int | None] = {}
    steps: Counter[str] = Counter()
    for position, cells in _walk(source):
        if not where:
            where = {name: index for index, name in enumerate(_titles(source.columns, len(cells)))}
        when = 0
        if columns.date is not None:
            text = _cell(cells, where[columns.date])
            if text not in known:
                if len(known) > KEPT_DATES:
                    known.clear()
                parts = take_apart(text)
                known[text] = None if parts is None else moment(parts, day_first, in_utc)
            moved = known[text]
            if moved is None:
                log.skip(position, f"has no date that can be read ({text[:30]!r})" if text else "has no date")
                continue
            when = moved
        if columns.series is not None and not (name := _cell(cells, where[columns.series])):
            log.skip(position, f"does not say which series it belongs to (column '{columns.series}' is empty)")
            continue
        for column in columns.values:
            own = name if columns.series is not None else column
            if columns.date is None:
                when, steps[own] = steps[own], steps[own] + 1
            text = _cell(cells, where[column])
            value = number(text, decimal)
            if value is None:
                log.text += 1
                log.skip(position, f"has {text[:30]!r} where a number is expected (column '{column}')")
                value = math.nan
            elif math.isinf(value):
                log.infinite += 1
                value = math.nan
            buckets.add(own, when, value)
        if beside is not None:
            beside.add(own, when, [_cell(cells, where[known.name]) for known in heard.known])
    buckets.close()
    if beside is not None:
        beside.close()


def _dates_in_words(calendar: Calendar, day_first: bool, in_utc: bool) -> list[str]:
    notes = []
    shapes = sorted({shape.split(",")[0] for shape in calendar.shapes})
    if len(shapes) > 1:
        notes.append(f"Dates are written in {len(shapes)} ways ({', '.join(shapes)}): all were read.")
    if "day and month" in shapes and (calendar.open or calendar.day_first or calendar.month_first):
        text = calendar.day_first or calendar.month_first or calendar.open
        notes.append(f"Dates such as {text} were read with the {'day' if day_first else 'month'} first.")
    zoned = [offset for offset in calendar.offsets if offset is not None]
    if in_utc:
        notes.append("Times carry several time zones, or summer and winter time: all were brought to UTC.")
    elif zoned and zoned[0]:
        notes.append(f"Times carry one time zone (UTC{zoned[0] / 3600:+g} h): they stand as that clock shows them.")
    if zoned and None in calendar.offsets:
        notes.append("Some times carry a time zone and some do not: those without were read as UTC.")
    return notes
