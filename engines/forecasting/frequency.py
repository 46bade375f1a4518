"""How far apart the steps of a series are: inferred from its dates, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from engines.contract import InputError, Problem
from engines.forecasting.names import FREQUENCY_TITLES

DAY = 86_400
Unit = Literal["month", "business day", "second", "step"]
LAST_YEAR = 9999
NAMED = {
    "Y": ("month", 12), "Q": ("month", 3), "M": ("month", 1), "W": ("second", 7 * DAY), "D": ("second", DAY),
    "B": ("business day", 1), "H": ("second", 3600), "30min": ("second", 1800), "15min": ("second", 900),
    "10min": ("second", 600), "5min": ("second", 300), "min": ("second", 60), "S": ("second", 1), "step": ("step", 1),
}  # fmt: skip
"""Names a person may give -> unit and count."""
SEASONS = {
    "Y": 1,
    "Q": 4,
    "M": 12,
    "W": 52,
    "D": 7,
    "B": 5,
    "H": 24,
    "30min": 48,
    "15min": 96,
    "10min": 144,
    "5min": 288,
}
HORIZONS = {"Y": 6, "Q": 8, "M": 12, "W": 13, "D": 14, "B": 10, "H": 24, "30min": 48, "15min": 48, "10min": 48}
TOLERANCE = 0.1
"""Of a step: how far from the even grid a date may lie."""


@dataclass(frozen=True)
class Frequency:
    """The distance between two steps, and where the grid lies."""

    unit: Unit
    count: int
    """Months, seconds, business days or steps from one step to the next."""
    anchor: int = 0
    """Seconds since 1970 of a date on the grid; with months, its day and time of day are every step's."""
    month_end: bool = False
    """With months: every step is the last day of its month."""

    @property
    def name(self) -> str:
        """A key of NAMED where there is one, else e.g. '6 months', '90 s'."""
        for name, (unit, count) in NAMED.items():
            if (self.unit, self.count) == (unit, count):
                return name
        if self.unit == "month":
            return f"{self.count // 12} years" if self.count % 12 == 0 else f"{self.count} months"
        if self.unit == "second" and self.count % DAY == 0:
            return f"{self.count // DAY} days"
        return f"{self.count / 60:g} min" if self.unit == "second" and self.count % 60 == 0 else f"{self.count} s"

    @property
    def title(self) -> str:
        return FREQUENCY_TITLES.get(self.name, f"every {self.name}")

    @property
    def season(self) -> int:
        """Steps of the season that is usual at this frequency; 1 where there is none."""
        return SEASONS.get(self.name, 1)

    @property
    def horizon(self) -> int:
        """Steps that people usually want to know ahead."""
        return HORIZONS.get(self.name, 12)

    def positions(self, moments: np.ndarray) -> np.ndarray:
        """int64 (N,): the grid step nearest to each moment (seconds since 1970, int64 (N,))."""
        if self.unit == "step":
            return moments
        if self.unit == "month":
            return np.floor_divide(months_of(moments) - int(months_of(np.array([self.anchor]))[0]), self.count)
        if self.unit == "business day":
            days = moments.astype("datetime64[s]").astype("datetime64[D]")
            origin = np.datetime64(self.anchor, "s").astype("datetime64[D]")
            rolled = np.busday_offset(days, 0, roll="backward")
            return np.asarray(np.busday_count(origin, rolled), dtype=np.int64)
        return np.floor_divide(moments - self.anchor + self.count // 2, self.count)

    def moment(self, position: int) -> int:
        """Seconds since 1970 of a grid step. Raises InputError beyond the year 9999."""
        if self.unit == "step":
            return position
        if self.unit == "second":
            seconds = self.anchor + position * self.count
        elif self.unit == "business day":
            origin = np.datetime64(self.anchor, "s").astype("datetime64[D]")
            day = np.busday_offset(origin, position, roll="forward")
            seconds = int(day.astype("datetime64[s]").astype(np.int64)) + self.anchor % DAY
        else:
            seconds = self._month(position)
        if seconds > 253_402_300_799:
            raise _beyond()
        return seconds

    def _month(self, position: int) -> int:
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self.anchor)
        year, month = divmod(start.year * 12 + start.month - 1 + position * self.count, 12)
        if not 1 <= year <= LAST_YEAR:
            raise _beyond()
        last = (datetime(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day if year < 9999 else 28
        day = last if self.month_end else min(start.day, last)
        found = datetime(year, month + 1, day, start.hour, start.minute, start.second, tzinfo=UTC)
        return round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def _beyond() -> InputError:
    return InputError(Problem("dates", "the forecast would go beyond the year 9999", "accepted: earlier dates"))


def months_of(moments: np.ndarray) -> np.ndarray:
    """int64: months since January 1970."""
    return moments.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def named(name: str, moments: np.ndarray) -> Frequency:
    """The frequency a person chose, its grid laid through `moments` (sorted, of one series)."""
    unit, count = NAMED[name]
    return _anchored(unit, count, moments)  # type: ignore[arg-type]  # one of the units


def infer(moments: np.ndarray) -> tuple[Frequency, bool]:
    """The frequency of sorted distinct `moments` (seconds, int64 (N,), N >= 2), and whether they lie on its grid.

    Where they do not, the frequency is the nearest usual one, and several values may fall on one step.
    """
    gaps = np.diff(moments)
    usual = float(np.median(gaps))
    if usual >= 27 * DAY:
        months = np.diff(months_of(moments))
        count = int(np.bincount(np.clip(months, 0, 120)).argmax()) or 1
        even = bool((months > 0).all() and np.mean(months % count == 0) > 0.9)
        return _anchored("month", count if even else 1, moments), even
    step = int(_mode(gaps))
    if step == DAY or (step > DAY * 0.99 and step < DAY * 1.01):
        weekend = np.isin((moments // DAY + 3) % 7, (5, 6))  # 1970-01-01 was a Thursday
        if len(moments) >= 10 and weekend.mean() < 0.02 and (gaps > 1.5 * DAY).mean() > 0.1:
            return _anchored("business day", 1, moments), True
    off = np.abs(gaps / step - np.round(gaps / step)) > TOLERANCE
    if off.mean() <= 0.1 and np.median(gaps) <= 1.5 * step:
        return _anchored("second", step, moments), True
    usual_steps = sorted(count for unit, count in NAMED.values() if unit == "second")
    nearest = min(usual_steps, key=lambda count: abs(math.log(count / max(usual, 1.0))))
    return _anchored("second", nearest, moments), False


def _mode(gaps: np.ndarray) -> int:
    values, counts = np.unique(gaps, return_counts=True)
    return int(values[counts.argmax()])


def _anchored(unit: Unit, count: int, moments: np.ndarray) -> Frequency:
    first = int(moments[0]) if len(moments) else 0
    if unit != "month":
        return Frequency(unit, count, first)
    next_day = (moments + DAY).astype("datetime64[s]")
    ends = next_day.astype("datetime64[M]").astype("datetime64[D]") == next_day.astype("datetime64[D]")
    return Frequency(unit, count, first, bool(len(moments)) and bool(ends.all()))
