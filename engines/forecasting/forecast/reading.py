"""How a table was read: said beside what else it may be, and kept so that new data are read the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, ReadAs
from engines.data.row_sampling import listed
from engines.forecasting.labels import DATE_FORMS, EVERY_COLUMN, FREQUENCY_CODES, NO_COLUMN, in_one, names_in
from engines.forecasting.series.frequency import WEEKDAYS
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings
from engines.messages import _, told

MOST_NAMES = 40
"""Columns that are offered for another reading."""
ROLES = {
    "date_column": _("which holds the dates"),
    "id_column": _("which tells the series apart"),
    "value_column": _("which is forecast"),
}


def guesses(table: SeriesTable) -> list[ReadAs]:
    """Whatever was guessed of a table, in the order in which a page shows it."""
    c = table.columns
    found = [
        ReadAs(
            _("dates"), _names(c["dates"]), _others(c["other_dates"], NO_COLUMN if c["dates"] else ""), "date_column"
        ),
        ReadAs(_("series"), _names(c["ids"]), _others(c["other_ids"], NO_COLUMN if c["ids"] else ""), "id_column"),
        _values(c),
    ]
    if c["form"]:
        others = [form for form in told(DATE_FORMS) if form != c["form"]]
        found.append(ReadAs(_("numbers as dates"), c["form"], others, "date_form"))
    if c["order"]:
        others = [order for order in c["orders"] if order != c["order"]]
        found.append(ReadAs(_("date order"), c["order"], others, "date_order"))
    if c["commas"] or c["decimal"] == ",":
        found.append(ReadAs(_("decimal sign"), *_either("comma", "point", c["decimal"] == ","), "decimal"))
    if c["across"]:
        found.append(ReadAs(_("layout"), "side by side", ["below"], "layout", _("The dates stand side by side.")))
    if c["dates"]:
        title = table.frequency.title
        found.append(ReadAs(_("frequency"), title, [name for name in FREQUENCY_CODES if name != title], "frequency"))
    if table.repeated:
        others = [how for how in ("mean", "sum", "first", "last") if how != c["duplicates"]]
        found.append(ReadAs(_("several values in a step"), c["duplicates"], others, "duplicates"))
    return found


def _values(columns: dict[str, Any]) -> ReadAs:
    several = len(columns["values"]) > 1
    every = EVERY_COLUMN if columns["other_values"] and not (several or columns["ids"]) else ""
    value = EVERY_COLUMN if several and columns["layout"] == "wide" else in_one(columns["values"])
    return ReadAs(_("values"), value, _others(columns["other_values"], every), "value_column")


def _names(columns: list[str]) -> str:
    return in_one(columns) if columns else NO_COLUMN


def _others(columns: list[str], further: str) -> list[str]:
    return [in_one([name]) for name in columns[:MOST_NAMES]] + ([further] if further else [])


def _either(one: str, other: str, first: bool) -> tuple[str, list[str]]:
    return (one, [other]) if first else (other, [one])


def kept(table: SeriesTable) -> dict[str, str]:
    """The settings by which other data are read as this table was."""
    c = table.columns
    found = {"duplicates": c["duplicates"]}
    if c["dates"]:
        found["date_column"] = in_one(c["dates"])
    if c["ids"]:
        found["id_column"] = in_one(c["ids"])
    if c["other_values"] and len(c["values"]) == 1:
        found["value_column"] = in_one(c["values"])
    if c["form"]:
        found["date_form"] = c["form"]
    if c["order"]:
        found["date_order"] = c["order"]
    if c["commas"] or c["decimal"] == ",":
        found["decimal"] = "comma" if c["decimal"] == "," else "point"
    return found


def open_alike(data: Path, settings: ForecastSettings, reading: dict[str, str], learnt: str) -> SeriesTable:
    """The series in new data, read as `kept` says a run read its own; `learnt`: the name of its frequency.

    A date column of another name is looked for, and a run that knows all days of the week is given all. Raises
    InputError where the data lack another column that the run read, and as `open_series` does.
    """
    table = _with_the_columns(data, settings, reading)
    if learnt == "D" and table.frequency.weekmask != WEEKDAYS:
        return _with_the_columns(data, replace(settings, frequency="D"), reading)
    return table


def _with_the_columns(data: Path, settings: ForecastSettings, reading: dict[str, str]) -> SeriesTable:
    said = {role: name for role in ROLES if (name := getattr(settings, role))}
    asked: dict[str, Any] = {"duplicates": "mean"} | said | reading  # the mean: runs that kept no reading took it
    try:
        return open_series(data, replace(settings, **asked))
    except InputError as error:
        absent = [problem for problem in error.problems if "has no column" in problem.found]
        lacking = {problem.where.removeprefix("setting ") for problem in absent} & set(ROLES)
        if lacking == {"date_column"}:
            known = {name: how for name, how in asked.items() if name not in {"date_column", "date_form"}}
            return open_series(data, replace(settings, **known, date_column=None))
        if not lacking:
            raise
        raise InputError(*(_lack(data, asked, role) for role in ROLES if role in lacking)) from None


def _lack(data: Path, reading: dict[str, str], role: str) -> Problem:
    names = listed(names_in(reading[role]))
    found = _("it lacks the column {names}, {roles} in this run", names=names, roles=told(ROLES)[role])
    wanted = [name for own in ROLES for name in names_in(reading.get(own, ""))]
    return Problem(
        data.name, found, _("accepted: a table with the columns that the run read: {wanted}", wanted=listed(wanted))
    )
