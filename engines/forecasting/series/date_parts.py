"""Several columns that make the date together: year and month, date and hour, year and week."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.data.parts import WORD
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.months import month_named, plain

WORDS = {
    "year": "year yr yyyy jahr jaar annee an ano anno rok rocznik ar vuosi yil",
    "month": "month months mon mm mnth monat maand mois mes mese miesiac manad maned kuukausi ay period",
    "day": "day dd dom dayofmonth tag dag jour dia giorno dzien den",
    "hour": "hour hours hr hh he stunde uur heure hora ora godzina timme time uhrzeit tijd zeit",
    "minute": "minute minutes minuut minuto minuta",
    "week": "week weeks wk wknum weeknum weekofyear isoweek kw woche semaine semana settimana tydzien vecka uge uke",
    "quarter": "quarter qtr q quartal kwartaal trimestre kwartal kvartal",
    "day of the year": "doy dayofyear yday jday julian",
}
"""A part of a date -> what its column may be called, without accents."""
CALLED = {word: part for part, words in WORDS.items() for word in words.split()}
BOUNDS = {"month": (1, 12), "day": (1, 31), "hour": (0, 25), "minute": (0, 59), "week": (1, 53), "quarter": (1, 4)}
FEATURES = {"weekday", "dayofweek", "dow", "wday", "weekend", "isweekend", "dayname", "wochentag"}
"""Further names of columns that only repeat what a date says."""
COMBINATIONS = (
    ("year", "month", "day", "hour", "minute"),
    ("year", "month", "day", "hour"),
    ("year", "month", "day"),
    ("year", "day of the year", "hour"),
    ("year", "day of the year"),
    ("year", "month"),
    ("year", "week"),
    ("year", "quarter"),
)
"""What makes a date together, the fullest first."""
MOSTLY = 0.8
CLOCK = re.compile(r"(\d{1,2})(?::(\d{2})(?::\d{2})?)?(?:\.0)?")


def words_of(name: str) -> set[str]:
    """The words in a column's name, plain: 'Obs.Date' -> obs, date."""
    apart = " ".join(WORD.findall(name)) if name.isascii() else name
    return set(re.findall(r"[^\W\d_]+", f"{plain(name)} {plain(apart)}")) | {plain(name.replace("_", "").strip())}


def part_of_date(name: str, cells: Sequence[str]) -> str | None:
    """'year', 'month', …: the part of a date that a column holds, by its name and its cells; None for none."""
    part = CALLED.get(plain(re.sub(r"[\W_]+", "", name)))
    if part is None or not cells:
        return None
    fits = sum(_number(part, cell) is not None for cell in cells)
    return part if fits >= MOSTLY * len(cells) else None


def repeats_the_date(name: str, cells: Sequence[str]) -> bool:
    """Whether a column only says again what a date says, such as the day of the week."""
    return part_of_date(name, cells) is not None or plain(re.sub(r"[\W_]+", "", name)) in FEATURES


def _number(part: str, cell: str) -> int | None:
    """The year, the month … that a cell says."""
    text = cell.strip()
    if part == "month" and (named := month_named(text)) is not None:
        return named
    if part == "hour" and (clock := CLOCK.fullmatch(text)):
        return int(clock[1]) if int(clock[1]) <= 25 else None
    text = re.sub(r"^[MQKWT](?=\d)|\.0$", "", text, flags=re.IGNORECASE)
    if not text.isdecimal():
        return None
    low, high = (1000, 2999) if part == "year" else BOUNDS.get(part, (1, 366))
    return int(text) if low <= int(text) <= high else None


def combined(parts: dict[str, str], dated: Sequence[str]) -> tuple[str, ...]:
    """The columns that make a date together, in the order of its parts; () for none.

    `parts`: part -> column; `dated`: columns that hold whole dates, without a time of day.
    """
    if dated and "hour" in parts:
        return (dated[0], parts["hour"], *([parts["minute"]] if "minute" in parts else []))
    for combination in COMBINATIONS:
        if all(part in parts for part in combination):
            return tuple(parts[part] for part in combination)
    return ()


class DateColumns:
    """Where a row's date stands, in one column or several, and how it is put together."""

    def __init__(self, names: Sequence[str], parts: dict[str, str | None]):
        """`parts`: a column -> the part of a date that it holds; None for a whole date."""
        self.names = tuple(names)
        self.parts = [parts[name] for name in names]

    def text(self, cells: Sequence[str]) -> str:
        """The date as one text; what stands in the cells where it cannot be put together."""
        if len(self.names) == 1:
            return cells[0]
        found = dict(zip(self.parts, cells, strict=True))
        return self._date(found) or " ".join(cell for cell in cells if cell)

    def _date(self, found: dict[str | None, str]) -> str:
        numbers = {part: _number(part, cell) for part, cell in found.items() if part}
        if any(number is None for number in numbers.values()):
            return ""
        if None in found:
            day = re.sub(r"[T ]00:00(:00)?$", "", found[None])
        elif "day of the year" in numbers:
            day = f"{numbers['year']}-{numbers['day of the year']:03d}"
            parts = take_apart(day)
            day = f"{parts.year}-{parts.one:02d}-{parts.two:02d}" if parts else ""
        elif "week" in numbers:
            return f"{numbers['year']}-W{numbers['week']:02d}"
        elif "quarter" in numbers:
            return f"{numbers['year']}-Q{numbers['quarter']}"
        else:
            day = f"{numbers['year']}-{numbers['month']:02d}-{numbers.get('day') or 1:02d}"
        if "hour" not in numbers or not day:
            return day
        clock = CLOCK.fullmatch(found["hour"].strip())
        minute = numbers.get("minute") or int(clock[2] or 0) if clock else 0
        return f"{day} {numbers['hour']:02d}:{minute:02d}"
