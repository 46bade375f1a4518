"""From somebody's table to even series: what each column is, how dates and numbers are written, row by row."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

from engines import paths
from engines.contract import InputError, Problem, Progress, Skipped
from engines.data.archive import unpack
from engines.data.delimited import UnclosedQuote, open_delimited
from engines.data.tables import EXTENSIONS, open_table
from engines.data.unpacked import files_below, prepared
from engines.forecasting.series import covariates, gridding
from engines.forecasting.series.buckets import Buckets
from engines.forecasting.series.coded_dates import STEPS
from engines.forecasting.series.headings import from_headings, lines_above
from engines.forecasting.series.layouts import LaidOut, laid_out
from engines.forecasting.series.rows import MOST_NAMED, Log, fill
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.survey import Reading, Survey, decided, survey
from engines.forecasting.settings import ForecastSettings
from engines.messages import _, _n

VERSION = 6
"""Of what is kept on disk; raised when reading changes."""
DELIMITED = {".csv", ".tsv", ".txt"}
ACCEPTED = _(
    "accepted: a CSV or Parquet table with a column of dates and one of numbers (and one that names the series)"
)


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

    work = paths.work(table) / f"series-{key}"
    work.mkdir(exist_ok=True)
    folder, _ = prepared(table, work, fill)
    found = SeriesTable.load(folder)
    if progress:
        progress(found.observed, found.observed)
    return found


def the_table(data: Path) -> Path:
    """The one table in `data`. Raises InputError when there is none, or several."""
    if data.is_file() and zipfile.is_zipfile(data) and data.suffix.lower() != ".xlsx":
        data, _unused = prepared(data, paths.work(data), lambda folder: unpack(data, folder))
    if data.is_dir():
        tables = [path for path in files_below(data) if path.suffix.lower() in EXTENSIONS]
        if len(tables) != 1:
            found = _("it holds {tables} tables", tables=len(tables)) if tables else _("there is no table in it")
            raise InputError(Problem(data.name, found, ACCEPTED))
        return tables[0]
    if not data.is_file():
        raise InputError(Problem(data.name, _("there is no such file"), ACCEPTED))
    return data


def _read(path: Path, settings: ForecastSettings, folder: Path, progress: Progress | None) -> None:
    quotes = True
    try:
        laid = _opened(path, settings, quotes, None)
        heard = survey(path.name, laid.source, settings)
    except UnclosedQuote:
        quotes = False
        laid = _opened(path, settings, quotes, None)
        heard = survey(path.name, laid.source, settings)
    notes = list(laid.source.notes)
    if not settings.accept_guesses:
        heard.require_dates()
    reading = decided(heard, settings)
    source = _opened(path, settings, quotes, progress).source
    log = Log(source.counted)
    buckets = Buckets(folder / "rows")
    beside = None
    if heard.known:
        names = covariates.checked(path.name, heard.known)
        beside = covariates.Beside(folder / "rows", heard.known, names, shared=not heard.columns.ids)
    fill(buckets, beside, source, heard, reading, log)
    try:
        notes += [*heard.columns.notes, *_in_words(heard, reading), *log.in_words()]
        steps: gridding.Steps = "order" if not heard.columns.dates else "numbers" if reading.form == STEPS else "dates"
        found = gridding.even(buckets, path.name, settings, steps, beside)
        found.columns = asdict(heard.columns) | {
            "known": heard.names,
            "across": laid.across,
            "order": reading.order if heard.calendar.seen else "",
            "orders": heard.calendar.able,
            "decimal": reading.decimal,
            "commas": heard.numerals.any_comma,
            "form": reading.form,
            "duplicates": settings.duplicates if settings.duplicates != "auto" else "mean",
            "written": sorted({shape.split(",")[0] for shape in heard.calendar.shapes}),
        }
        found.notes = notes + found.notes
        if log.n > MOST_NAMED:
            log.skipped.append(
                Skipped(path.name, _("has {n:,} more rows that could not be used", n=log.n - MOST_NAMED))
            )
        found.skipped = [*source.skipped, *log.skipped, *found.skipped]
        found.save(folder)
    finally:
        for used in (buckets.folder, *(beside.folders() if beside else ())):
            shutil.rmtree(used, ignore_errors=True)


def _opened(path: Path, settings: ForecastSettings, quotes: bool, progress: Progress | None) -> LaidOut:
    """The table with one row a date, from its headings on."""
    if path.suffix.lower() in DELIMITED and (above := lines_above(path)):
        source = open_delimited(path, quotes=quotes, above=above, progress=progress)
        lines = _n("{n:,} line is", "{n:,} lines are", above)
        source.notes.append(_("Above the headings, {lines} left out.", lines=lines))
    elif quotes:
        source = open_table(path, progress=progress)
    else:
        source = open_delimited(path, quotes=False, progress=progress)
    return laid_out(path.name, from_headings(source), settings.layout)


def _in_words(heard: Survey, reading: Reading) -> list[str]:
    """How dates and numbers were read, a sentence each."""
    notes = heard.calendar.in_words(reading.order)
    if reading.form and reading.form not in {"years", STEPS}:
        notes.append(_("Dates such as {texts} were read as {form}.", texts=next(iter(heard.texts)), form=reading.form))
    if reading.form == STEPS:
        notes.append(_("The column '{dates}' holds no dates: it numbers the steps.", dates=heard.columns.dates[0]))
    if not heard.columns.dates:
        notes.append(_("There is no column of dates: each series is taken as even steps, in the order of the file."))
    if reading.decimal == ",":
        notes.append(_("Numbers are written with a decimal comma."))
    return notes
