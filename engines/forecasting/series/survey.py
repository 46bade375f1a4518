"""The first walk through a table: what its columns are, and how all of its dates and numbers are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engines.contract import InputError, Problem
from engines.data.row_sampling import Source
from engines.forecasting.series import coded_dates, covariates
from engines.forecasting.series.calendars import Calendar, moment
from engines.forecasting.series.coded_dates import STEPS, coded
from engines.forecasting.series.column import look
from engines.forecasting.series.columns import Columns, Guess
from engines.forecasting.series.date_parts import DateColumns, words_of
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.numbers import Numerals
from engines.forecasting.settings import ForecastSettings
from engines.messages import _

LOOKED_AT = 1000
"""Rows by which it is guessed what a column holds."""
KEPT_ROWS = 20_000
"""Rows by which repeated dates are explained."""
KEPT_DATES = 200_000
MOST_UNREAD = 0.05
"""Of the rows: more dates that cannot be read, among others that can, and the table is refused."""
SUMS = re.compile(r"\b(?:sub)?(?:total|sum|summe|gesamt|totaal|somme|suma|average|mean)", re.IGNORECASE)


@dataclass
class Unread:
    """Dates that cannot be read and stand among those that can."""

    n: int = 0
    first: tuple[int, str] = (0, "")
    """Where the first stands, and what it says."""
    waiting: list[tuple[int, str]] = field(default_factory=list)
    """Since the last date that could be read: perhaps notes at the end."""
    any_read: bool = False

    def see(self, position: int, text: str, readable: bool) -> None:
        if not readable:
            if self.any_read and text and not SUMS.search(text):
                self.waiting.append((position, text))
            return
        if self.waiting and not self.n:
            self.first = self.waiting[0]
        self.n += len(self.waiting)
        self.waiting, self.any_read = [], True


@dataclass
class Survey:
    """What a first walk through the whole table says."""

    table: str
    counted: str
    columns: Columns
    names: list[str]
    calendar: Calendar = field(default_factory=Calendar)
    numerals: Numerals = field(default_factory=Numerals)
    known: list[covariates.Known] = field(default_factory=list)
    """Columns that are known ahead."""
    form: str = ""
    """How a date that is one number is read; '' where dates are written in full, and before that is known."""
    coded: bool = False
    unread: Unread = field(default_factory=Unread)
    n_rows: int = 0
    texts: dict[str, bool] = field(default_factory=dict)
    """The dates as written, and whether each can be read."""

    def __post_init__(self) -> None:
        self.where = {name: index for index, name in enumerate(self.names)}
        self.dates: DateColumns = self.columns.date_columns()

    def date_of(self, cells: list[str]) -> str:
        return self.dates.text([cell_of(cells, self.where[name]) for name in self.dates.names])

    def hear(self, position: int, cells: list[str]) -> None:
        self.n_rows += 1
        if self.columns.dates:
            text = self.date_of(cells)
            if text not in self.texts:
                if len(self.texts) >= KEPT_DATES:
                    self.texts.clear()
                self.texts[text] = self._readable(text)
            self.unread.see(position, text, self.texts[text])
        for name in self.columns.values:
            self.numerals.see(cell_of(cells, self.where[name]))
        for column in self.known:
            column.see(cell_of(cells, self.where[column.name]))

    def _readable(self, text: str) -> bool:
        if self.coded and coded_dates.NUMBER.fullmatch(text):
            return True
        if (parts := take_apart(text)) is None:
            return False
        self.calendar.see(text, parts)
        return True

    def require_dates(self) -> None:
        """Raises InputError where many dates among others cannot be read."""
        if self.unread.n <= max(2, MOST_UNREAD * self.n_rows):
            return
        position, text = self.unread.first
        column = _(" and ").join(f"'{name}'" for name in self.columns.dates)
        found = _(
            "{n:,} of {n_rows:,} rows have a date in column {column} that cannot be read, the "
            "first in {counted} {position}: {text!r}",
            n=self.unread.n,
            n_rows=self.n_rows,
            column=column,
            counted=self.counted,
            position=position,
            text=text[:40],
        )
        raise InputError(Problem(self.table, found, _("accepted: dates such as 2024-01-31, all written alike")))


@dataclass(frozen=True)
class Reading:
    """How a table's dates and numbers are read: what the first walk decided."""

    order: str
    decimal: str
    form: str
    in_utc: bool

    def moment(self, text: str) -> int | None:
        """Seconds since 1970, or the number of a step; None for what is no date."""
        if self.form and (found := coded(text, self.form)) is not None:
            return found
        if self.form == STEPS or (parts := take_apart(text)) is None:
            return None
        return moment(parts, self.order, self.in_utc)


def survey(table: str, source: Source, settings: ForecastSettings) -> Survey:
    """Columns from the first rows, then every date and number. Raises InputError for a table of no use."""
    first: list[tuple[int, list[str]]] = []
    heard: Survey | None = None
    for position, cells in walked(source):
        if heard is None:
            first.append((position, cells))
            if len(first) >= KEPT_ROWS:
                heard = _begun(table, source, first, settings)
        else:
            heard.hear(position, cells)
    return heard or _begun(table, source, first, settings)


def _begun(table: str, source: Source, first: list[tuple[int, list[str]]], settings: ForecastSettings) -> Survey:
    if not first:
        raise InputError(
            Problem(table, _("there are no rows in it"), _("accepted: a header line and a row for each date"))
        )
    names = titles(source.columns, len(first[0][1]))
    rows = [cells + [""] * (len(names) - len(cells)) for _, cells in first]
    looked = [look(name, [row[index] for row in rows[:LOOKED_AT]]) for index, name in enumerate(names)]
    columns = Guess(table, looked, rows, settings).columns()
    found = Survey(table, source.counted, columns, names)
    by_name = {column.name: column for column in looked}
    found.known = [covariates.Known(name, not by_name[name].is_number) for name in columns.ahead]
    if len(columns.dates) == 1:
        date = by_name[columns.dates[0]]
        found.coded = bool(date.forms) or date.counts_steps or settings.date_form != "auto"
    for position, cells in first:
        found.hear(position, cells)
    return found


def decided(heard: Survey, settings: ForecastSettings) -> Reading:
    """How dates and numbers are read. Raises InputError with every question that is open."""
    problems: list[Problem] = []
    order = settings.date_order if settings.date_order != "auto" else heard.calendar.order()
    if order is None and settings.accept_guesses:
        order = heard.calendar.likelier()
    if order is None:
        problems.append(_which_order(heard))
    decimal: str | None = {"comma": ",", "point": "."}.get(settings.decimal, heard.numerals.decimal())
    if decimal is None and settings.accept_guesses:
        decimal = heard.numerals.likelier()
    if decimal is None:
        n = heard.numerals
        shown = _(" and ").join(text for text in (n.comma, n.point, n.open) if text)
        found = _(
            "{table} has numbers such as {shown}, in which the comma may be a decimal or a thousands sign",
            table=heard.table,
            shown=shown,
        )
        problems.append(
            Problem(_("setting decimal"), found, _("say which it is: 'comma' or 'point'"), choices=("comma", "point"))
        )
    form = settings.date_form
    if not heard.coded:
        form = ""
    elif form == "auto":
        able = _forms(heard)
        form = able[0]
        if len(able) > 1 and not settings.accept_guesses:
            shown = next(iter(heard.texts))
            found = _(
                "{table} has dates such as {shown}, which may be {able}",
                table=heard.table,
                shown=shown,
                able=_(" or ").join(able),
            )
            problems.append(Problem(_("setting date_form"), found, _("say which it is"), choices=tuple(able)))
    if problems:
        raise InputError(*problems)
    reading = Reading(order or "day first", decimal or ".", form, heard.calendar.in_utc)
    _require_readable(heard, reading)
    return reading


def _require_readable(heard: Survey, reading: Reading) -> None:
    """Raises InputError where many dates are none in the order, or the form, that was chosen."""
    able = [text for text, readable in heard.texts.items() if readable]
    odd = [text for text in able if reading.moment(text) is None]
    if len(odd) <= max(2, MOST_UNREAD * len(able)):
        return
    how, setting = (
        (_("as {form}", form=reading.form), "date_form")
        if reading.form
        else (_("with the {order}", order=reading.order), "date_order")
    )
    found = _(
        "{odd:,} of {able:,} dates of {table} cannot be read {how}, such as {odd2!r}",
        odd=len(odd),
        able=len(able),
        table=heard.table,
        how=how,
        odd2=odd[0][:40],
    )
    raise InputError(
        Problem(_("setting {setting}", setting=setting), found, _("say otherwise, or write all dates alike"))
    )


def _which_order(heard: Survey) -> Problem:
    calendar = heard.calendar
    able = tuple(calendar.able) if len(calendar.able) > 1 else ("day first", "month first")
    found = _(
        "{table} has dates such as {open}, which may be read with the day or the month first",
        table=heard.table,
        open=calendar.open,
    )
    if "year first" in able:
        found = _(
            "{table} has dates such as {open}, which may be read with the day or the year first",
            table=heard.table,
            open=calendar.open,
        )
    if len(calendar.orders) > 1:
        found = _(
            "{table} has dates both ways: {values}", table=heard.table, values=_(" and ").join(calendar.orders.values())
        )
    said = _(" or ").join(f"'{order}'" for order in able)
    return Problem(_("setting date_order"), found, _("say which it is: {said}", said=said), choices=able)


def _forms(heard: Survey) -> list[str]:
    """The forms that the numbers may be dates in, the likeliest first; all of the table's dates speak."""
    texts = [text for text in heard.texts if coded_dates.NUMBER.fullmatch(text)]
    forms = coded_dates.forms_of(texts, words_of(heard.columns.dates[0]))
    able = [form for form, even in forms if even >= forms[0][1] - coded_dates.ALIKE]
    return able or [STEPS]


def walked(source: Source) -> Iterator[tuple[int, list[str]]]:
    """The rows in which anything stands."""
    for position, cells in source.rows:
        if any(cell and not cell.isspace() for cell in cells):
            yield position, cells


def titles(names: list[str], width: int) -> list[str]:
    return [*names, *(f"column_{n}" for n in range(len(names) + 1, width + 1))]


def cell_of(cells: list[str], index: int) -> str:
    return cells[index].strip() if index < len(cells) else ""
