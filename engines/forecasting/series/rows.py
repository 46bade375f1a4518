"""The second walk through a table: every row becomes (series, moment, value), or is left out and named."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from engines.contract import Skipped
from engines.data.row_sampling import Source
from engines.forecasting.series import covariates
from engines.forecasting.series.buckets import Buckets
from engines.forecasting.series.gridding import counted
from engines.forecasting.series.numbers import BEYOND, number
from engines.forecasting.series.survey import KEPT_DATES, Reading, Survey, cell_of, walked
from engines.messages import _, _n

MOST_NAMED = 200
"""Rows that are left out and named; further ones are counted."""
BETWEEN = " · "
"""Between the parts of a series' name, where several columns make it."""


@dataclass
class Log:
    """Rows and cells that could not be used."""

    counted: str
    skipped: list[Skipped] = field(default_factory=list)
    n: int = 0
    infinite: int = 0
    text: int = 0
    undated: int = 0
    unnamed: int = 0

    def skip(self, position: int, reason: str) -> None:
        self.n += 1
        if self.n <= MOST_NAMED:
            self.skipped.append(Skipped(f"{self.counted} {position}", reason))

    def in_words(self) -> list[str]:
        notes = []
        if self.undated:
            held = _n("{n:,} row has", "{n:,} rows have", self.undated)
            notes.append(_("{held} no date that can be read: left out.", held=held))
        if self.unnamed:
            held = _n("{n:,} row does not say its series", "{n:,} rows do not say their series", self.unnamed)
            notes.append(_("{held}: left out.", held=held))
        if self.text:
            held = _n("{n:,} cell among the numbers holds", "{n:,} cells among the numbers hold", self.text)
            notes.append(_("{held} text: it counts as missing.", held=held))
        if self.infinite:
            huge = _("infinite, or beyond ±{beyond:g},", beyond=BEYOND)
            held = counted(
                self.infinite,
                _("number that is {huge} counts", huge=huge),
                _("numbers that are {huge} count", huge=huge),
            )
            notes.append(_("{held} as missing.", held=held))
        return notes


def fill(
    buckets: Buckets, beside: covariates.Beside | None, source: Source, heard: Survey, reading: Reading, log: Log
) -> None:
    """Every value of the table, and what is known ahead beside it."""
    columns, where = heard.columns, heard.where
    known: dict[str, int | None] = {}
    steps: Counter[str] = Counter()
    for position, cells in walked(source):
        when = 0
        if columns.dates:
            text = heard.date_of(cells)
            if text not in known:
                if len(known) > KEPT_DATES:
                    known.clear()
                known[text] = reading.moment(text)
            moved = known[text]
            if moved is None:
                log.undated += 1
                log.skip(
                    position, _("has no date that can be read ({text!r})", text=text[:30]) if text else _("has no date")
                )
                continue
            when = moved
        name = BETWEEN.join(filter(None, (cell_of(cells, where[column]) for column in columns.ids)))
        if columns.ids and not name:
            log.unnamed += 1
            shown = _(" and ").join(f"'{column}'" for column in columns.ids)
            log.skip(position, _("does not say which series it belongs to (column {shown} is empty)", shown=shown))
            continue
        for column in columns.values:
            own = name or column
            if not columns.dates:
                when, steps[own] = steps[own], steps[own] + 1
            buckets.add(own, when, _value(cell_of(cells, where[column]), column, position, reading, log))
        if beside is not None:
            beside.add(own, when, [cell_of(cells, where[ahead.name]) for ahead in heard.known])
    buckets.close()
    if beside is not None:
        beside.close()


def _value(text: str, column: str, position: int, reading: Reading, log: Log) -> float:
    """nan for what is missing, no number or infinite; the last two are counted."""
    value = number(text, reading.decimal)
    if value is None:
        log.text += 1
        log.skip(
            position, _("has {text!r} where a number is expected (column '{column}')", text=text[:30], column=column)
        )
        return math.nan
    if math.isinf(value):
        log.infinite += 1
        return math.nan
    return value
