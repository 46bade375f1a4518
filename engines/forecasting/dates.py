"""Dates as people write them, turned into seconds since 1970. Which of 3/4 is the month is never guessed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"),
        start=1,
    )
    for name in names.split()
}
CLOCK = r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
LATER = rf"(?:[T ,]+{CLOCK})?\s*(?P<zone>Z|UTC|GMT|[+-]\d{{2}}:?\d{{2}}|[+-]\d{{2}})?"
YEAR, SHORT_YEAR = r"(?P<year>\d{4})", r"(?P<year>\d{4}|\d{2})"
MONTH, NAME, DAY = r"(?P<month>\d{1,2})", r"(?P<name>[A-Za-zä]{3,9})\.?", r"(?P<day>\d{1,2})"
SHAPES = [
    (shape, re.compile(pattern, re.IGNORECASE))
    for shape, pattern in (
        ("year first", rf"{YEAR}(?P<sep>[-/.]){MONTH}(?P=sep){DAY}{LATER}"),
        ("day and month", rf"(?P<one>\d{{1,2}})(?P<sep>[-/.])(?P<two>\d{{1,2}})(?P=sep){SHORT_YEAR}{LATER}"),
        ("month by name", rf"(?:[A-Za-z]{{3,9}},?\s+)?{DAY}[. -]+{NAME}[, -]+{SHORT_YEAR}{LATER}"),
        ("month by name", rf"{NAME}\s+{DAY},?\s+{YEAR}{LATER}"),
        ("month by name", rf"{NAME}[ -]+{SHORT_YEAR}"),
        ("month by name", rf"{YEAR}[ -]+{NAME}"),
        ("quarter", rf"{YEAR}[ -]?Q(?P<quarter>[1-4])"),
        ("quarter", rf"Q(?P<quarter>[1-4])[ /-]{YEAR}"),
        ("week", rf"{YEAR}[ -]?W(?P<week>\d{{1,2}})(?:-(?P<weekday>[1-7]))?"),
        ("year and month", rf"{YEAR}[-/.M]{MONTH}"),
        ("year and month", rf"{MONTH}[-/]{YEAR}"),
        ("compact", rf"{YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}}){LATER}"),
        ("year", r"(?P<year>[12]\d{3})(?:\.0)?"),
        ("seconds since 1970", r"(?P<epoch>\d{9,10})(?:\.\d+)?"),
        ("milliseconds since 1970", r"(?P<epoch>\d{12,13})(?:\.0)?"),
    )
]
"""What a date may look like, tried in this order. Only 'day and month' can be read in two ways."""
START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Parts:
    """A date taken apart, day and month not yet told from each other where both are numbers."""

    shape: str
    year: int
    one: int
    """The first of day and month, as written; the month where `shape` says which is which."""
    two: int
    seconds: int
    """Of the day."""
    offset: int | None
    """Seconds east of Greenwich, where a time zone is written."""


def take_apart(text: str) -> Parts | None:
    """None for what is no date."""
    text = text.strip()
    if not text or len(text) > 40:
        return None
    for shape, pattern in SHAPES:
        if (match := pattern.fullmatch(text)) is None:
            continue
        found = match.groupdict()
        try:
            return _parts(shape, found)
        except (ValueError, OverflowError):
            return None
    return None


def _parts(shape: str, found: dict[str, str | None]) -> Parts | None:
    if epoch := found.get("epoch"):
        moment = START + timedelta(seconds=int(epoch) // (1000 if shape.startswith("milli") else 1))
        within = moment.hour * 3600 + moment.minute * 60 + moment.second
        return Parts(shape, moment.year, moment.month, moment.day, within, None)
    written = found["year"] or ""
    year = int(written)
    if len(written) == 2:
        year += 2000 if year < 70 else 1900  # as POSIX reads them
    month, day = int(found.get("month") or 1), int(found.get("day") or 1)
    if name := found.get("name"):
        if (known := MONTHS.get(name[:3].casefold())) is None:
            return None
        month = known
    if quarter := found.get("quarter"):
        month = 3 * int(quarter) - 2
    if week := found.get("week"):
        monday = datetime.fromisocalendar(year, int(week), int(found.get("weekday") or 1))
        year, month, day = monday.year, monday.month, monday.day
    hour, minute, second = (int(found.get(part) or 0) for part in ("hour", "minute", "second"))
    if half := found.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    within = hour * 3600 + minute * 60 + second
    if shape == "day and month":
        one, two = int(found["one"] or 0), int(found["two"] or 0)
        if not (1 <= one <= 31 and 1 <= two <= 31 and min(one, two) <= 12):
            return None
        return Parts(f"{shape}, {found['sep']}", year, one, two, within, _offset(found.get("zone")))
    datetime(year, month, day)  # raises ValueError for 30 February
    return Parts(shape, year, month, day, within, _offset(found.get("zone")))


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone.upper() in {"Z", "UTC", "GMT"}:
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


@dataclass
class Calendar:
    """What all dates of a table together say of how they are written."""

    shapes: Counter[str] = field(default_factory=Counter)
    offsets: Counter[int | None] = field(default_factory=Counter)
    day_first: str | None = None
    """A date whose first number can only be the day."""
    month_first: str | None = None
    """A date whose second number can only be the day."""
    open: str | None = None
    """A date that could be either."""

    def see(self, text: str, parts: Parts) -> None:
        self.shapes[parts.shape] += 1
        self.offsets[parts.offset] += 1
        if not parts.shape.startswith("day and month"):
            return
        if parts.one > 12:
            self.day_first = self.day_first or text
        elif parts.two > 12:
            self.month_first = self.month_first or text
        elif parts.one != parts.two:
            self.open = self.open or text

    def order(self) -> bool | None:
        """Whether the day comes first; None where that has to be asked: nothing says so, or the dates disagree."""
        if self.day_first and self.month_first:
            return None
        if self.day_first or self.month_first:
            return self.day_first is not None
        if self.open and all(shape.endswith(".") for shape in self.shapes if shape.startswith("day and month")):
            return True  # 3.4.2020 is the third of April wherever dates are written with points
        return None if self.open else True

    @property
    def in_utc(self) -> bool:
        """Whether times are brought to UTC: where several offsets occur, local clocks cannot be compared."""
        return len({offset for offset in self.offsets if offset is not None}) > 1


def moment(parts: Parts, day_first: bool, in_utc: bool) -> int | None:
    """Seconds since 1970, of the clock as written or of UTC; None where there is no such day (31 April)."""
    month, day = parts.one, parts.two
    if parts.shape.startswith("day and month") and day_first:
        month, day = day, month
    zone = timezone(timedelta(seconds=parts.offset or 0)) if in_utc else UTC
    try:
        date = datetime(parts.year, month, day, tzinfo=zone)
        return round((date - START).total_seconds()) + parts.seconds
    except (ValueError, OverflowError):
        return None


def written(seconds: int) -> str:
    """'1949-01-31', or '2010-01-01 13:00' where there is a time of day."""
    date = START + timedelta(seconds=int(seconds))
    if seconds % 86_400 == 0:
        return f"{date.year:04d}-{date:%m-%d}"
    return f"{date.year:04d}-{date:%m-%d %H:%M}" + (f":{date:%S}" if seconds % 60 else "")
