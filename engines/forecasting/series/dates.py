"""Dates as people write them, taken apart. Which of 3/4 is the month is for `calendars` to say, from all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engines.forecasting.series.months import month_named
from engines.messages import _, told

MOST = 60
"""Characters of a date."""
PIVOT = 40
"""Years of two digits below it are of this century."""
CLOCK = r"(?P<hour>\d{1,2})(?:[:h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?:\[[\w/]+\])?"
LATER = rf"(?:(?:[T ,:]|,? at )+{CLOCK})?\s*{ZONE}"
YEAR, SHORT_YEAR = r"(?P<year>\d{4})", r"'?(?P<year>\d{4}|\d{2})"
WORD = r"[^\W\d_]"
MONTH, NAME, DAY = r"(?P<month>\d{1,2})", rf"(?P<name>{WORD}{{3,12}})\.?", r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
WEEKDAY = rf"(?:{WORD}{{2,14}}\.?,?\s+)?"
QUARTER = r"(?P<quarter>[1-4])"
SHAPES = [
    (shape, re.compile(pattern, re.IGNORECASE))
    for shape, pattern in (
        ("year first", rf"{YEAR}(?P<sep>[-/.,]){MONTH}(?P=sep){DAY}{LATER}"),
        ("year first", rf"{YEAR}年{MONTH}月(?:{DAY}日)?"),
        ("day and month", rf"(?P<one>\d{{1,2}})(?P<sep>[-/.])(?P<two>\d{{1,2}})(?P=sep){SHORT_YEAR}{LATER}"),
        (_("month by name"), rf"{WEEKDAY}{DAY}(?:[. -]+(?:de )?)?{NAME}(?:,? de |[, -]*){SHORT_YEAR}{LATER}"),
        (_("month by name"), rf"{WEEKDAY}{NAME}\s+{DAY}(?:,\s*|\s+){YEAR}{LATER}"),
        (_("month by name"), rf"{NAME}(?: de |[ /,-]*){SHORT_YEAR}"),
        (_("month by name"), rf"{YEAR}[ /-]*{NAME}"),
        (_("month by name"), rf"(?P<year>00|3[2-9]|[4-9]\d)[ -]{NAME}"),
        ("quarter", rf"{YEAR}[ :./-]*[QKT]{QUARTER}"),
        ("quarter", rf"[QKT]{QUARTER}[ /-]*{SHORT_YEAR}"),
        ("quarter", rf"{QUARTER}(?:\. ?Quartal|[QKT])[ /-]*{SHORT_YEAR}"),
        ("half-year", rf"{YEAR}[ :./-]*[HS](?P<half_year>[12])"),
        ("half-year", rf"[HS](?P<half_year>[12])[ /-]*{YEAR}"),
        ("week", rf"{YEAR}[ -]*(?:W|KW ?)(?P<week>\d{{1,2}})(?:-?(?P<weekday>[1-7]))?"),
        ("week", rf"(?:W|KW|Week|CW)[ .-]*(?P<week>\d{{1,2}}),?[ /-]*{YEAR}"),
        ("day of the year", rf"{YEAR}-(?P<day_of_year>\d{{3}})"),
        ("year and month", rf"{YEAR}(?:[-/.]|[-: ]?M){MONTH}"),
        ("year and month", rf"M?{MONTH}[-/]{YEAR}"),
        (
            "compact",
            rf"{YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}})(?:[T ]?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?:\d{{2}})?Z?)?",
        ),
        ("compact", rf"{YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}}){LATER}"),
        ("year", r"(?P<year>[12]\d{3})(?:\.0)?"),
        ("seconds since 1970", r"(?P<epoch>\d{9,10})(?:\.\d+)?"),
        ("milliseconds since 1970", r"(?P<epoch>\d{12,13})(?:\.0)?"),
        ("microseconds since 1970", r"(?P<epoch>\d{15,16})"),
        ("nanoseconds since 1970", r"(?P<epoch>\d{18,19})"),
    )
]
"""What a date may look like, tried in this order. Only 'day and month' can be read in several ways."""
A_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
SPAN = re.compile(r"(.+\d:\d\d\S*)\s*(?:/| [-–] )\s*(.+\d:\d\d\S*)")
"""From one time to another, as exchanges write an hour: the first counts."""
START = datetime(1970, 1, 1, tzinfo=UTC)
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Parts:
    """A date taken apart, day and month not yet told from each other where both are numbers."""

    shape: str
    year: int
    one: int
    """The first of day and month, as written; the month where `shape` says which is which."""
    two: int
    seconds: int
    """Of the day; of the next one from 86,400 on, for 24:00."""
    offset: int | None
    """Seconds east of Greenwich, where a time zone is written."""
    last: int | None = None
    """The third number as written, where it has two digits: it may be the day, and the first the year."""


def take_apart(text: str) -> Parts | None:
    """None for what is no date."""
    text = text.strip()
    if not text or len(text) > MOST:
        return None
    for shape, pattern in told(SHAPES):
        if (match := pattern.fullmatch(text)) is None:
            continue
        try:
            if (parts := _parts(shape, match.groupdict())) is not None:
                return parts
        except (ValueError, OverflowError):
            continue
    span = SPAN.fullmatch(text)
    return take_apart(span[1]) if span and take_apart(span[2]) else None


def _parts(shape: str, found: dict[str, str | None]) -> Parts | None:
    if epoch := found.get("epoch"):
        moment = START + timedelta(seconds=int(epoch) // A_SECOND[shape.split()[0]])
        of_day = moment.hour * 3600 + moment.minute * 60 + moment.second
        return Parts(shape, moment.year, moment.month, moment.day, of_day, None)
    if (within := _seconds(found)) is None:
        return None
    written = found["year"] or ""
    year = full_year(int(written)) if len(written) == 2 else int(written)
    offset = _offset(found.get("zone"))
    if shape == "day and month":
        one, two = int(found["one"] or 0), int(found["two"] or 0)
        last = int(written) if len(written) == 2 and 1 <= int(written) <= 31 else None
        if not _is_some_day(one, two, last):
            return None
        return Parts(f"{shape}, {found['sep']}", year, one, two, within, offset, last)
    day = _day_of(year, found)
    return None if day is None else Parts(shape, day.year, day.month, day.day, within, offset)


def full_year(short: int) -> int:
    """1941 to 2040 for 41 to 40."""
    return short + (2000 if short <= PIVOT else 1900)


def _is_some_day(one: int, two: int, last: int | None) -> bool:
    if 1 <= one <= 31 and 1 <= two <= 31 and min(one, two) <= 12:
        return True
    return last is not None and 1 <= two <= 12  # 49-01-31


def _day_of(year: int, found: dict[str, str | None]) -> datetime | None:
    """The first day of what is written. Raises ValueError for 30 February."""
    if name := found.get("name"):
        month = month_named(name)
        return None if month is None else datetime(year, month, int(found.get("day") or 1))
    if week := found.get("week"):
        return datetime.fromisocalendar(year, int(week), int(found.get("weekday") or 1))
    if day := found.get("day_of_year"):
        moment = datetime(year, 1, 1) + timedelta(days=int(day) - 1)
        return moment if moment.year == year else None
    month = int(found.get("month") or 1)
    if quarter := found.get("quarter"):
        month = 3 * int(quarter) - 2
    if half := found.get("half_year"):
        month = 6 * int(half) - 5
    return datetime(year, month, int(found.get("day") or 1))


def _seconds(found: dict[str, str | None]) -> int | None:
    """Of the day; 24:00 is the next day's beginning. None for what no clock shows."""
    hour, minute, second = (int(found.get(part) or 0) for part in ("hour", "minute", "second"))
    if half := found.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    within = hour * 3600 + minute * 60 + second
    return within if minute <= 59 and second <= 59 and within <= DAY_SECONDS else None


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone.upper() in {"Z", "UTC", "GMT"}:
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


def written(seconds: int) -> str:
    """'1949-01-31', or '2010-01-01 13:00' where there is a time of day."""
    date = START + timedelta(seconds=int(seconds))
    if seconds % DAY_SECONDS == 0:
        return f"{date.year:04d}-{date:%m-%d}"
    return f"{date.year:04d}-{date:%m-%d %H:%M}" + (f":{date:%S}" if seconds % 60 else "")
