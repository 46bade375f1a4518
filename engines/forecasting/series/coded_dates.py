"""Dates that are written as one number: 201401, 1990.25, days since 1900, seconds since 1970, or just step 17."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from engines.forecasting.series.dates import DAY_SECONDS, START, full_year
from engines.forecasting.series.frequency import infer_steps, regularity
from engines.messages import _

NUMBER = re.compile(r"\d+(\.\d+)?")
EXCEL_START = datetime(1899, 12, 30, tzinfo=UTC)
FIRST_DAY, LAST_DAY = 14_000, 73_050
"""Days since 1900 that are taken for dates: 1938 to 2100."""
NEARLY = 0.06
"""Of a month: how far from a whole one a decimal year may be rounded."""
ALIKE = 0.15
"""Two readings whose steps are so nearly as even are asked for."""
STEPS = _("step numbers")


def _year(text: str) -> datetime | None:
    return datetime(int(text[:4]), 1, 1) if re.fullmatch(r"[12]\d{3}(\.0)?", text) else None


def _year_and_month(text: str) -> datetime | None:
    return datetime(int(text[:4]), int(text[4:6]), 1) if re.fullmatch(r"[12]\d{5}(\.0)?", text) else None


def _year_and_week(text: str) -> datetime | None:
    whole = re.fullmatch(r"[12]\d{5}(\.0)?", text)
    return datetime.fromisocalendar(int(text[:4]), int(text[4:6]), 1) if whole else None


def _short_day(text: str) -> datetime | None:
    whole = re.fullmatch(r"\d{6}", text)
    return datetime(full_year(int(text[:2])), int(text[2:4]), int(text[4:])) if whole else None


def _day(text: str) -> datetime | None:
    whole = re.fullmatch(r"[12]\d{7}(\.0)?", text)
    return datetime(int(text[:4]), int(text[4:6]), int(text[6:8])) if whole else None


def _dotted_month(text: str) -> datetime | None:
    found = re.fullmatch(r"([12]\d{3})\.(\d{1,2})", text)
    return datetime(int(found[1]), int(found[2]), 1) if found else None


def _decimal_year(text: str) -> datetime | None:
    """The first of a month where the number says whole months, else the day."""
    year, part = divmod(float(text), 1)
    if not 1000 <= year < 3000 or (part and len(text.partition(".")[2]) < 1):
        return None
    months = part * 12
    if abs(months - round(months)) <= NEARLY:
        return datetime(int(year) + round(months) // 12, round(months) % 12 + 1, 1)
    start = datetime(int(year), 1, 1)
    days = (datetime(int(year) + 1, 1, 1) - start).days
    return start + timedelta(days=int(part * days + 0.01))


def _excel_day(text: str) -> datetime | None:
    days = float(text)
    if not FIRST_DAY <= days <= LAST_DAY:
        return None
    return EXCEL_START.replace(tzinfo=None) + timedelta(seconds=round(days * DAY_SECONDS))


def _epoch(per_second: int, digits: tuple[int, ...]) -> Callable[[str], datetime | None]:
    def read(text: str) -> datetime | None:
        whole = text.partition(".")[0]
        return datetime(1970, 1, 1) + timedelta(seconds=int(whole) // per_second) if len(whole) in digits else None

    return read


FORMS: dict[str, Callable[[str], datetime | None]] = {
    "years": _year,
    "year and month": _year_and_month,
    "year and week": _year_and_week,
    "year, month and day": _day,
    "short year, month and day": _short_day,
    "year and month with a point": _dotted_month,
    "decimal years": _decimal_year,
    "days since 1900": _excel_day,
    "seconds since 1970": _epoch(1, (9, 10)),
    "milliseconds since 1970": _epoch(10**3, (12, 13)),
    "microseconds since 1970": _epoch(10**6, (15, 16)),
    "nanoseconds since 1970": _epoch(10**9, (18, 19)),
}
"""How a number may be a date, the likelier of equals first."""
SAFE = {"year and month", "year and week", "year, month and day", *(form for form in FORMS if form.endswith("1970"))}
"""Forms that no other numbers take by chance where their steps are even."""
MEANT = {"month": "year and month", "maand": "year and month", "monat": "year and month", "week": "year and week"}
"""A word in a column's name -> the form that it speaks for."""


def coded(text: str, form: str) -> int | None:
    """Seconds since 1970 (or the number of the step), as `form` reads the number; None for what is none."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        if form == STEPS:
            return int(float(text)) if float(text).is_integer() else None
        found = FORMS[form](text)
    except (ValueError, OverflowError):
        return None
    return None if found is None else round((found.replace(tzinfo=UTC) - START).total_seconds())


def forms_of(texts: list[str], words: set[str]) -> list[tuple[str, float]]:
    """The forms in which nearly all of these numbers are dates, each with how even its steps are, the likeliest first.

    `words`: of the column's name. Step numbers are not among them: they are what is left.
    """
    distinct = list(dict.fromkeys(texts))
    found = []
    for form in FORMS:
        read = [when for text in distinct if (when := coded(text, form)) is not None]
        if read and len(read) >= 0.98 * len(distinct):
            found.append((form, regularity(read)))
    if len(found) > 1:
        fractions = any(float(text) % 1 for text in distinct)
        found = [(form, even) for form, even in found if form != ("years" if fractions else "decimal years")]
    found.sort(key=lambda entry: -entry[1])
    meant = {form for word, form in MEANT.items() if word in words}
    return [entry for entry in found if entry[0] in meant] or found


def numbered_steps(texts: list[str]) -> bool:
    """Whether these numbers count steps, evenly for the most part."""
    numbers = {int(float(text)) for text in texts if NUMBER.fullmatch(text) and float(text).is_integer()}
    if len(numbers) < 3 or any(coded(text, STEPS) is None for text in texts):
        return False
    ordered = np.array(sorted(numbers))
    frequency, even = infer_steps(ordered)
    return even and len(numbers) >= 0.5 * (int(ordered[-1] - ordered[0]) // frequency.count + 1)
