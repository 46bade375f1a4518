"""What all dates of a table together say of how they are written, and the moment that each one is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

from engines.forecasting.series.dates import START, Parts, full_year, take_apart
from engines.forecasting.series.frequency import regularity
from engines.messages import _

ORDERS = ("day first", "month first", "year first")
CLEARER = 0.3
"""By how much the more regular of two readings of years with two digits must be so to be taken."""
KEPT = 1000


@dataclass
class Calendar:
    """What all dates of a table together say of how they are written."""

    shapes: Counter[str] = field(default_factory=Counter)
    offsets: Counter[int | None] = field(default_factory=Counter)
    orders: dict[str, str] = field(default_factory=dict)
    """Order -> a date that can be read in this order alone."""
    open: str | None = None
    """A date that could be read in several."""
    ruled_out: set[str] = field(default_factory=set)
    """Orders in which some date cannot be read."""
    seen: list[Parts] = field(default_factory=list)
    """The first of those with day and month as numbers."""
    next_day: int = 0
    """Times of 24:00."""

    def see(self, text: str, parts: Parts) -> None:
        self.shapes[parts.shape] += 1
        self.offsets[parts.offset] += 1
        self.next_day += parts.seconds == 86_400
        if not parts.shape.startswith("day and month"):
            return
        if len(self.seen) < KEPT:
            self.seen.append(parts)
        able = [order for order in ORDERS if moment(parts, order, in_utc=False) is not None]
        self.ruled_out |= set(ORDERS) - set(able)
        if len(able) == 1:
            self.orders.setdefault(able[0], text)
        elif parts.one != parts.two or "year first" in able:
            self.open = self.open or text

    @property
    def able(self) -> list[str]:
        """The orders in which every date can be read."""
        return [order for order in ORDERS if order not in self.ruled_out]

    def order(self) -> str | None:
        """The order of day, month and year; None where that has to be asked: nothing says so, or dates disagree."""
        if not self.seen:
            return ORDERS[0]
        able = self._with_or_without_year_first()
        if len(able) == 1:
            return able[0]
        if not able or "year first" in able:
            return None
        if self.open and all(shape.endswith(".") for shape in self.shapes if shape.startswith("day and month")):
            return "day first"  # 3.4.2020 is the third of April wherever dates are written with points
        return None if self.open else "day first"

    def _with_or_without_year_first(self) -> list[str]:
        """The orders that are possible; of years with two digits, whether they come first is judged by the steps."""
        able = self.able
        others = [order for order in able if order != "year first"]
        if not others or others == able:
            return able
        ahead = self._regular("year first") - max(map(self._regular, others))
        return ["year first"] if ahead >= CLEARER else others if ahead <= -CLEARER else able

    def likelier(self) -> str:
        """The order that is taken where nobody is asked: in which most dates can be read, the most regular of those."""
        return max(ORDERS, key=lambda order: (self._readable(order), self._regular(order)))

    def _readable(self, order: str) -> int:
        return sum(moment(parts, order, in_utc=False) is not None for parts in self.seen)

    def _regular(self, order: str) -> float:
        """0 to 1: how even the steps are, and how often one goes the way in which most go."""
        moments = [when for parts in self.seen if (when := moment(parts, order, in_utc=False)) is not None]
        ahead = sum(after > before for before, after in pairwise(moments)) / max(1, len(moments) - 1)
        return regularity(moments) * max(ahead, 1 - ahead)

    @property
    def in_utc(self) -> bool:
        """Whether times are brought to UTC: where several offsets occur, local clocks cannot be compared."""
        return len({offset for offset in self.offsets if offset is not None}) > 1

    def in_words(self, order: str) -> list[str]:
        """How the dates were read, a sentence each."""
        notes = []
        shapes = sorted({shape.split(",")[0] for shape in self.shapes})
        if len(shapes) > 1:
            notes.append(
                _(
                    "Dates are written in {shapes} ways ({shapes2}): all were read.",
                    shapes=len(shapes),
                    shapes2=", ".join(shapes),
                )
            )
        if "day and month" in shapes and (text := self.orders.get(order) or self.open):
            notes.append(_("Dates such as {text} were read with the {order}.", text=text, order=order))
        if any(parts.last is not None for parts in self.seen):
            notes.append(_("Years of two digits are read as 1941 to 2040."))
        if self.next_day:
            notes.append(_("The time 24:00 is read as 0:00 of the next day."))
        zoned = [offset for offset in self.offsets if offset is not None]
        if self.in_utc:
            notes.append(_("Times carry several time zones, or summer and winter time: all were brought to UTC."))
        elif zoned and zoned[0]:
            notes.append(
                _(
                    "Times carry one time zone (UTC{zoned:+g} h): they stand as that clock shows them.",
                    zoned=zoned[0] / 3600,
                )
            )
        if zoned and None in self.offsets:
            notes.append(_("Some times carry a time zone and some do not: those without were read as UTC."))
        return notes


def moment(parts: Parts, order: str, in_utc: bool) -> int | None:
    """Seconds since 1970, of the clock as written or of UTC; None where there is no such day (31 April)."""
    year, month, day = parts.year, parts.one, parts.two
    if parts.shape.startswith("day and month"):
        if order == "day first":
            month, day = day, month
        elif order == "year first":
            if parts.last is None:
                return None
            year, month, day = full_year(parts.one), parts.two, parts.last
    zone = timezone(timedelta(seconds=parts.offset or 0)) if in_utc else UTC
    try:
        date = datetime(year, month, day, tzinfo=zone)
        return round((date - START).total_seconds()) + parts.seconds
    except (ValueError, OverflowError):
        return None


def approximate(text: str) -> int | None:
    """The moment of a date in whatever order is possible, to judge how even steps are; None for what is no date."""
    parts = take_apart(text)
    if parts is None:
        return None
    return next((found for order in ORDERS if (found := moment(parts, order, in_utc=False)) is not None), None)
