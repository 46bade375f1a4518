"""Which columns hold the dates, which the numbers, and which say what series a row belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engines.contract import InputError, Problem
from engines.data.row_sampling import listed
from engines.forecasting.labels import EVERY_COLUMN, NO_COLUMN, in_one, names_in
from engines.forecasting.series import ids
from engines.forecasting.series.calendars import approximate
from engines.forecasting.series.column import DATES, VERY_REGULAR, Column, few, require_none_called_so
from engines.forecasting.series.covariates import named_ahead
from engines.forecasting.series.date_parts import DateColumns, combined, repeats_the_date
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.frequency import regularity
from engines.forecasting.series.months import plain
from engines.forecasting.settings import ForecastSettings
from engines.messages import _

SERIES = (
    *("unique_id", "series", "series_id", "item_id", "id", "symbol", "ticker", "store", "item"),
    *("product", "name", "station", "city", "country", "region", "location", "sensor"),
)
VALUES = (
    *("y", "value", "target", "price", "close", "sales", "demand"),
    *("count", "amount", "quantity", "volume", "temp", "temperature", "passengers"),
)
LOOKED_AT = 1000
"""Rows by which it is judged whether the steps are even."""
NEARLY_DATES = 0.2
"""Of a column's cells: with so many dates, those that cannot be read are named rather than the column passed over."""
Layout = Literal["long", "wide", "one series"]


@dataclass(frozen=True)
class Columns:
    """What each column of a table was taken for. `values` has several in a wide table: one series a column."""

    layout: Layout
    dates: tuple[str, ...]
    """Several where they make the date together; none where the rows are steps, in the order of the file."""
    ids: tuple[str, ...]
    """Which tell the series apart: several where they do so together."""
    values: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """Columns that hold something and are not read."""
    ahead: tuple[str, ...] = ()
    """Columns whose future is known."""
    parts: tuple[str | None, ...] = ()
    """Of a date in several columns: which part each holds; None for a whole date."""
    other_dates: tuple[str, ...] = ()
    """Columns that may hold the dates too."""
    other_ids: tuple[str, ...] = ()
    other_values: tuple[str, ...] = ()

    def date_columns(self) -> DateColumns:
        return DateColumns(self.dates, dict(zip(self.dates, self.parts, strict=True)))


class Guess:
    """Looks at the columns of a table, and says what each is."""

    def __init__(self, table: str, looked: list[Column], rows: Sequence[Sequence[str]], settings: ForecastSettings):
        """`rows`: cells of the first rows, more than were looked at, by which repeated dates are explained.

        Raises InputError for a column in the settings that is not there.
        """
        self.table, self.looked, self.rows, self.settings = table, looked, rows, settings
        self.known = {column.name: column for column in looked}
        self.notes: list[str] = []
        self.row_numbers: list[str] = []
        chosen = {
            what: self._chosen(what) for what in ("date_column", "id_column", "value_column") if getattr(settings, what)
        }
        self.date, self.ids, self.value = (
            chosen.get(what, ()) for what in ("date_column", "id_column", "value_column")
        )
        others = {"date": self.date, "series": self.ids, "value": self.value}
        self.ahead = named_ahead(table, list(self.known), settings.known_ahead or "", others)

    def columns(self) -> Columns:
        """Every column's part: as chosen by name, else by its name and cells.

        Raises InputError for a chosen column that holds something else, where no column has numbers, and where several
        columns explain repeated dates equally well.
        """
        dates, parts = self._dates()
        free = [column for column in self.looked if column.name not in {*dates, *self.ahead} and column.filled]
        free = self._without_row_numbers(free)
        series, other_ids = self._series(DateColumns(dates, parts) if dates else None, free)
        values = self._values(free, set(series), bool(dates))
        layout: Layout = "long" if series else "one series" if len(values) == 1 else "wide"
        others = [column.name for column in self.looked if column.is_date and column.name not in dates]
        numbers = [column.name for column in free if column.is_number and column.name not in series]
        found = Columns(
            layout,
            dates,
            series,
            values,
            ahead=self.ahead,
            parts=tuple(parts[name] for name in dates),
            other_dates=tuple(others),
            other_ids=tuple(other_ids),
            other_values=tuple(name for name in numbers if name not in values or len(values) > 1),
        )
        return self._with_notes(found)

    def _with_notes(self, found: Columns) -> Columns:
        used = {*found.dates, *found.ids, *found.values, *found.ahead, *self.row_numbers}
        unused = tuple(column.name for column in self.looked if column.filled and column.name not in used)
        if unused:
            self.notes.append(
                _(
                    "Not used: {unused}. Columns whose future is known, such as holidays or promotions, "
                    "can be: name them as known ahead.",
                    unused=listed(list(unused)),
                )
            )
        if len(found.dates) > 1:
            self.notes.append(_("The columns {dates} make the date together.", dates=listed(list(found.dates))))
        if len(found.ids) > 1:
            self.notes.append(_("The columns {ids} tell the series apart together.", ids=listed(list(found.ids))))
        return replace(found, unused=unused, notes=tuple(self.notes))

    # --- what was chosen --------------------------------------------------------------------------

    def _chosen(self, what: str) -> tuple[str, ...]:
        """The columns that a setting names, as the table spells them."""
        said = getattr(self.settings, what)
        by_case = {name.casefold(): name for name in self.known}
        if said in {NO_COLUMN, EVERY_COLUMN}:
            return ()
        if said.casefold() in by_case:
            return (by_case[said.casefold()],)
        names = names_in(said)
        lacking = [name for name in names if name.casefold() not in by_case]
        if lacking or not names:
            found = _("{table} has no column '{lacking}'", table=self.table, lacking=(lacking or [said])[0])
            raise InputError(
                Problem(_("setting {what}", what=what), found, _("accepted: {known}", known=listed(list(self.known))))
            )
        return tuple(by_case[name.casefold()] for name in names)

    # --- dates ------------------------------------------------------------------------------------

    def _dates(self) -> tuple[tuple[str, ...], dict[str, str | None]]:
        """The columns of the date, and the part that each holds (None: a whole date)."""
        if self.date:
            return self._chosen_dates()
        if self.settings.date_column == NO_COLUMN:
            return (), {}
        taken = {*self.ids, *self.value, *self.ahead}
        able = [column for column in self.looked if column.name not in taken and column.filled]
        parts: dict[str, str] = {}
        for column in able:
            if column.part:
                parts.setdefault(column.part, column.name)
        whole = [column for column in able if column.is_date and column.part is None]
        whole.sort(key=lambda column: (rank(column.name, DATES), bool(column.form), self.looked.index(column)))
        if whole:
            together = self._with_hours(whole[0], parts)
        else:
            together = combined(parts, ()) or ((parts["year"],) if "year" in parts else ())
            if not together:
                together = next(((column.name,) for column in able if column.counts_steps), ())
        if not together:
            self._require_no_nearly_dates(able)
        return together, {name: self.known[name].part if len(together) > 1 else None for name in together}

    def _with_hours(self, date: Column, parts: dict[str, str]) -> tuple[str, ...]:
        """A column of dates, and that of the hours where the dates repeat for want of them."""
        together = combined(parts, () if date.timed or date.form == "years" else (date.name,))
        if len(together) < 2 or date.name not in together:
            return (date.name,)
        days, pairs = set(date.cells), set(zip(date.cells, self.known[together[1]].cells, strict=True))
        return together if len(pairs) >= 1.5 * len(days) else (date.name,)

    def _chosen_dates(self) -> tuple[tuple[str, ...], dict[str, str | None]]:
        parts = {name: self.known[name].part if len(self.date) > 1 else None for name in self.date}
        for name in self.date:
            column = self.known[name]
            if parts[name] is None and not (column.is_date or column.forms or column.counts_steps):
                seen = _("most of column '{name}' are no dates ({few})", name=name, few=few(column))
                raise InputError(Problem(_("setting date_column"), seen, _("accepted: dates such as 2024-01-31")))
        return self.date, parts

    def _require_no_nearly_dates(self, able: list[Column]) -> None:
        """Raises InputError where a column is called so, or holds dates of which too many cannot be read."""
        if self.settings.accept_guesses:
            return
        require_none_called_so(self.table, able)
        for column in able:
            nearly = column.dates >= max(3, NEARLY_DATES * column.filled)
            if column.is_number or not (nearly or plain(column.name.strip()) in DATES) or column.part:
                continue
            odd = [value for value in column.values if take_apart(value) is None]
            shown = ", ".join(repr(value[:30]) for value in list(dict.fromkeys(odd))[:4])
            of = _(
                "{odd:,} of {filled:,} cells in column '{name}'", odd=len(odd), filled=column.filled, name=column.name
            )
            found = _("{of} cannot be read as dates, such as {shown}", of=of, shown=shown)
            accepted = _("accepted: dates such as 2024-01-31, or 'no column' where the rows are steps in their order")
            raise InputError(
                Problem(_("setting date_column"), f"{self.table}: {found}", accepted, choices=(NO_COLUMN,))
            )

    # --- series and values ------------------------------------------------------------------------

    def _without_row_numbers(self, free: list[Column]) -> list[Column]:
        counting = [
            column.name for column in free if column.counts_rows and column.name not in {*self.ids, *self.value}
        ]
        if not counting or len(counting) == sum(column.is_number for column in free):
            return free
        self.row_numbers = counting
        self.notes.append(_("The column {counting} counts the rows: it is no series.", counting=listed(counting[:1])))
        return [column for column in free if column.name not in counting]

    def _series(self, dates: DateColumns | None, free: list[Column]) -> tuple[tuple[str, ...], list[str]]:
        """The columns that tell the series apart, and others that might."""
        able = [column for column in free if column.name not in self.value and not self._says_the_date(column, dates)]
        words = [column for column in able if not column.is_number and not column.is_date]
        numbers = [column for column in able if column.is_whole and rank(column.name, VALUES) >= len(VALUES) - 1]
        others = [column.name for column in (*words, *numbers)]
        if self.ids:
            return self.ids, [name for name in others if name not in self.ids]
        if self.settings.id_column == NO_COLUMN or self.settings.value_column == EVERY_COLUMN:
            return (), others
        if dates is None:
            repeated = [column for column in words if 1 <= len(set(column.values)) <= max(1, 0.5 * column.filled)]
            best = min(repeated, key=lambda column: (_named(column), -len(set(column.values))), default=None)
            return ((best.name,) if best else ()), others
        series = self._explaining(dates, words, numbers)
        if not series:
            series = tuple(c.name for c in words if _named(c) < len(SERIES) and len(set(c.values)) == 1)[:1]
        return series, [name for name in others if name not in series]

    def _says_the_date(self, column: Column, dates: DateColumns | None) -> bool:
        return dates is not None and repeats_the_date(column.name, column.values)

    def _explaining(self, dates: DateColumns, words: list[Column], numbers: list[Column]) -> tuple[str, ...]:
        """The columns by which dates that occur several times are explained; () where none does, or none has to."""
        places = {column.name: index for index, column in enumerate(self.looked)}
        when = [dates.text([row[places[name]].strip() for name in dates.names]) for row in self.rows]
        if ids.explained(when, {}).repeated <= ids.EXPLAINED * len(when):
            named = [column for column in (*words, *numbers) if _named(column) < len(SERIES) or not column.is_number]
            return self._interleaved(when[:LOOKED_AT], named)
        ordered = sorted((*words, *numbers), key=lambda column: (_named(column), column.is_number))
        cells = {column.name: [row[places[column.name]].strip() for row in self.rows] for column in ordered}
        whole = {column.name for column in numbers if _named(column) >= len(SERIES)}
        if found := ids.equals(ids.that_explain(when, cells, whole)):
            return self._the_one([one.names for one in found])
        vary = ids.that_vary(when, {c.name: cells[c.name] for c in ordered if c.name not in whole})
        if len(vary) > 1:
            return self._the_one([*((name,) for name in vary), tuple(vary)])
        return tuple(vary)

    def _interleaved(self, when: list[str], able: list[Column]) -> tuple[str, ...]:
        """A column whose series each have even steps, where all dates together have none."""
        moments = [approximate(text) for text in when]
        if regularity([moment for moment in moments if moment is not None]) >= VERY_REGULAR:
            return ()
        return next(((c.name,) for c in able if ids.even_apart(moments, c.cells[: len(moments)])), ())

    def _the_one(self, able: list[tuple[str, ...]]) -> tuple[str, ...]:
        """The first of several sets of columns. Raises InputError where a person may be asked."""
        if len(able) > 1 and not self.settings.accept_guesses:
            choices = tuple(in_one(list(names)) for names in able)
            found = _(
                "{table} has dates that occur several times, and {choices} may tell them apart",
                table=self.table,
                choices=listed(list(choices)),
            )
            raise InputError(
                Problem(_("setting id_column"), found, _("say which columns tell the series apart"), choices)
            )
        return able[0]

    def _values(self, free: list[Column], series: set[str], dated: bool) -> tuple[str, ...]:
        """The columns of numbers that are forecast."""
        for name in self.value:
            if not self.known[name].is_number:
                seen = _("most of column '{name}' are no numbers ({few})", name=name, few=few(self.known[name]))
                raise InputError(Problem(_("setting value_column"), seen, _("accepted: a column of numbers")))
        if len(self.value) > 1 and series:
            found = _("the series are told apart by {series}, so one column is forecast", series=listed(sorted(series)))
            raise InputError(Problem(_("setting value_column"), found, _("accepted: the name of one column")))
        if self.value:
            return self.value
        every = [column for column in free if column.is_number and column.name not in series]
        numbers = [c for c in every if not dated or not repeats_the_date(c.name, c.values)] or every
        numbers = [c for c in numbers if not (_named(c) < len(SERIES) and len(set(c.values)) == 1)] or numbers
        if not numbers:
            raise InputError(self._no_numbers(free))
        if not series:
            return tuple(column.name for column in numbers)
        numbers = [column for column in numbers if self._changes_within(column, series)] or numbers
        best = min(numbers, key=lambda column: (rank(column.name, VALUES), numbers.index(column))).name
        if len(numbers) > 1:
            self.notes.append(
                _("Several columns hold numbers: '{best}' is forecast. Choose another as the value column.", best=best)
            )
        return (best,)

    def _changes_within(self, column: Column, series: set[str]) -> bool:
        """Whether the numbers of a series differ: a shop's number or its size are the same in each of its rows."""
        keys = list(zip(*(self.known[name].cells for name in sorted(series)), strict=True))
        return len(set(zip(keys, column.cells, strict=True))) > len(set(keys))

    def _no_numbers(self, free: list[Column]) -> Problem:
        able = free or self.looked
        nearly = max(able, key=lambda column: (column.numbers, sum(map(_has_digit, column.values))))
        seen = _("no column holds numbers; the nearest is '{name}' ({few})", name=nearly.name, few=few(nearly))
        return Problem(self.table, seen, _("accepted: a column of dates and one or more of numbers"))


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _named(column: Column) -> int:
    return rank(column.name, SERIES)


def rank(name: str, known: tuple[str, ...]) -> int:
    """The place of a column's name among the usual ones; a name that contains one comes after those."""
    plain = name.strip().casefold().replace(" ", "_")
    if plain in known:
        return known.index(plain)
    return len(known) if not any(len(word) > 3 and word in plain for word in known) else len(known) - 1
