"""How far apart the steps of a series are: inferred from its dates, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from engines.contract import InputError, Problem
from engines.forecasting.labels import FREQUENCY_TITLES
from engines.forecasting.series.dates import written
from engines.messages import _, told

DAY = 86_400
Unit = Literal["month", "business day", "second", "step", "listed"]
LAST_YEAR = 9999
NAMED = {
    "Y": ("month", 12),
    "Q": ("month", 3),
    "M": ("month", 1),
    "W": ("second", 7 * DAY),
    "D": ("second", DAY),
    "B": ("business day", 1),
    "H": ("second", 3600),
    "30min": ("second", 1800),
    "15min": ("second", 900),
    "10min": ("second", 600),
    "5min": ("second", 300),
    "min": ("second", 60),
    "S": ("second", 1),
    "step": ("step", 1),
    "dates": ("listed", 1),
}
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
WEEKDAYS = "1111100"
"""Monday to Friday, as numpy writes it."""
SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
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
    weekmask: str = WEEKDAYS
    """With business days: which days of the week there are, from Monday on."""
    dates: tuple[int, ...] = ()
    """Where the dates themselves are the steps: all of them, in order."""

    @property
    def name(self) -> str:
        """A key of NAMED where there is one, else e.g. '6 months', '90 s'."""
        if self.weekmask != WEEKDAYS:
            return " ".join(day for day, there in zip(SHORT_DAYS, self.weekmask, strict=True) if there == "1")
        if self.unit == "step":
            return "step"
        for name, (unit, count) in NAMED.items():
            if (self.unit, self.count) == (unit, count):
                return name
        if self.unit == "month":
            return (
                _("{count} years", count=self.count // 12)
                if self.count % 12 == 0
                else _("{count} months", count=self.count)
            )
        if self.unit == "second" and self.count % DAY == 0:
            return _("{count} days", count=self.count // DAY)
        return (
            _("{count:g} min", count=self.count / 60)
            if self.unit == "second" and self.count % 60 == 0
            else f"{self.count} s"
        )

    @property
    def title(self) -> str:
        if self.weekmask != WEEKDAYS:
            return _("daily, {name} only", name=self.name)
        return told(FREQUENCY_TITLES).get(self.name, _("every {name}", name=self.name))

    @property
    def season(self) -> int:
        """Steps of the season that is usual at this frequency; 1 where there is none."""
        if self.weekmask != WEEKDAYS:
            return self.weekmask.count("1")
        if self.unit == "listed":
            return self._a_year
        return SEASONS.get(self.name, 1)

    @property
    def horizon(self) -> int:
        """Steps that people usually want to know ahead."""
        if self.weekmask != WEEKDAYS:
            return 2 * self.weekmask.count("1")
        return HORIZONS.get(self.name, 12)

    @property
    def _a_year(self) -> int:
        """Dates a year, where these are the steps; 1 where they say nothing of a season."""
        gap = float(np.mean(np.diff(self.dates))) if len(self.dates) > 1 else 0.0
        found = round(365.25 * DAY / gap) if gap else 1
        return found if found in {4, 12, 13, 24, 26, 36, 52} else 1

    def positions(self, moments: np.ndarray) -> np.ndarray:
        """int64 (N,): the grid step nearest to each moment (seconds since 1970, int64 (N,))."""
        if self.unit == "step":
            return np.floor_divide(moments - self.anchor, self.count)
        if self.unit == "listed":
            return self._nearest(moments)
        if self.unit == "month":
            return np.floor_divide(months_of(moments) - int(months_of(np.array([self.anchor]))[0]), self.count)
        if self.unit == "business day":
            days = moments.astype("datetime64[s]").astype("datetime64[D]")
            origin = np.datetime64(self.anchor, "s").astype("datetime64[D]")
            rolled = np.busday_offset(days, 0, roll="backward", weekmask=self.weekmask)
            return np.asarray(np.busday_count(origin, rolled, weekmask=self.weekmask), dtype=np.int64)
        return np.floor_divide(moments - self.anchor + self.count // 2, self.count)

    def moment(self, position: int) -> int:
        """Seconds since 1970 of a grid step. Raises InputError beyond the year 9999."""
        if self.unit == "step":
            return self.anchor + position * self.count
        if self.unit == "listed":
            seconds = self._listed(position)
        elif self.unit == "second":
            seconds = self.anchor + position * self.count
        elif self.unit == "business day":
            origin = np.datetime64(self.anchor, "s").astype("datetime64[D]")
            day = np.busday_offset(origin, position, roll="forward", weekmask=self.weekmask)
            seconds = int(day.astype("datetime64[s]").astype(np.int64)) + self.anchor % DAY
        else:
            seconds = self._month(position)
        if seconds > 253_402_300_799:
            raise _beyond()
        return seconds

    def called(self, position: int) -> str:
        """The date of a grid step, or its number where there are no dates. Raises InputError as `moment` does."""
        moment = self.moment(position)
        return str(moment) if self.unit == "step" else written(moment)

    def _nearest(self, moments: np.ndarray) -> np.ndarray:
        """Places in the list of dates; those after the last go on in steps of the usual length."""
        dates = np.array(self.dates)
        places = np.clip(np.searchsorted(dates, moments), 1, len(dates) - 1)
        places -= moments - dates[places - 1] < dates[places] - moments
        usual = int(np.median(np.diff(dates)))
        beyond = np.maximum(0, moments - dates[-1] + usual // 2) // usual
        return np.asarray(places + beyond, dtype=np.int64)

    def _listed(self, position: int) -> int:
        """A date of the list; beyond its end, as far from the one before as a season ago."""
        known, back = len(self.dates), min(self._a_year, len(self.dates) - 1)
        if position < known:
            return self.dates[position]
        last = known - 1 - back + (position - known) % back
        return self._listed(position - 1) + self.dates[last + 1] - self.dates[last]

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
    return InputError(Problem("dates", _("the forecast would go beyond the year 9999"), _("accepted: earlier dates")))


def months_of(moments: np.ndarray) -> np.ndarray:
    """int64: months since January 1970."""
    return moments.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def named(name: str, moments: np.ndarray) -> Frequency:
    """The frequency a person chose, its grid laid through `moments` (sorted, of one series)."""
    unit, count = NAMED[name]
    if unit == "listed":
        return Frequency("listed", 1, dates=tuple(moments.tolist()))
    return _anchored(unit, count, moments)  # type: ignore[arg-type]  # NAMED holds units only


def infer(moments: np.ndarray) -> tuple[Frequency, bool]:
    """The frequency of sorted distinct `moments` (seconds, int64 (N,), N >= 2), and whether they lie on its grid.

    Where they do not, the frequency is the nearest usual one, and several values may fall on one step.
    """
    gaps = np.diff(moments)
    usual = float(np.median(gaps))
    if usual >= 27 * DAY:
        if len(gaps) > 2 and gaps.min() == gaps.max() and gaps[0] == 28 * DAY:
            return _anchored("second", 28 * DAY, moments), True
        if (weeks := _weeks_of_periods(moments)) is not None:
            return weeks, True
        months = np.diff(months_of(moments))
        count = int(np.bincount(np.clip(months, 0, 120)).argmax()) or 1
        even = bool((months > 0).all() and np.mean(months % count == 0) > 0.9)
        return _anchored("month", count if even else 1, moments), even
    if (open_days := _open_days(moments, usual)) is not None:
        return open_days, True
    if _parts_of_months(moments, usual):
        return Frequency("listed", 1, dates=tuple(moments.tolist())), True
    step = int(_mode(gaps))
    off = np.abs(gaps / step - np.round(gaps / step)) > TOLERANCE
    if off.mean() <= 0.1 and np.median(gaps) <= 1.5 * step:
        return _anchored("second", step, moments), True
    usual_steps = sorted(count for unit, count in NAMED.values() if unit == "second")
    nearest = min(usual_steps, key=lambda count: abs(math.log(count / max(usual, 1.0))))
    return _anchored("second", nearest, moments), False


def infer_steps(numbers: np.ndarray) -> tuple[Frequency, bool]:
    """The same of steps that are numbered: how far apart the numbers are, and whether all are so far apart."""
    gaps = np.diff(numbers)
    step = max(1, int(_mode(gaps)))
    return Frequency("step", step, int(numbers[0])), bool((gaps % step == 0).all())


def regularity(moments: Sequence[int]) -> float:
    """0 to 1: how much of an even grid these dates, in any order, make up."""
    distinct = np.unique(np.asarray(moments, dtype=np.int64))
    if len(distinct) < 3:
        return 0.0
    frequency, even = infer(distinct)
    places = frequency.positions(distinct)
    filled = len(np.unique(places)) / (int(places[-1] - places[0]) + 1)
    return filled * len(np.unique(places)) / len(distinct) * (1.0 if even else 0.5)


def _weeks_of_periods(moments: np.ndarray) -> Frequency | None:
    """Periods of four and five weeks, as shops count them, with a sixth week now and then; None for anything else.

    The dates themselves are then the steps. Where a period lacks, a date is put in.
    """
    weeks, rest = np.divmod(np.diff(moments), 7 * DAY)
    fours, fives = (weeks == 4).mean(), (weeks == 5).mean()
    if rest.any() or len(weeks) < 6 or min(fours, fives) < 0.2 or fours + fives < 0.75 or weeks.max() > 15:
        return None
    dates = [int(moments[0])]
    for length in weeks.tolist():
        lacking = round(length * 7 / 30.44) - 1 if length > 6 else 0
        dates += [dates[-1] + 28 * DAY * number for number in range(1, lacking + 1)]
        dates.append(dates[-1] + (length - 4 * lacking) * 7 * DAY)
    return Frequency("listed", 1, dates=tuple(dates))


def _parts_of_months(moments: np.ndarray, usual: float) -> bool:
    """Whether there are two or three dates in every month, such as the 1st, 11th and 21st."""
    if not 9 * DAY <= usual <= 17 * DAY or len(moments) < 12 or np.ptp(np.diff(moments)) < DAY:
        return False
    months = months_of(moments)
    counts = np.bincount(months - months[0])[1:-1]
    days = (moments.astype("datetime64[s]").astype("datetime64[D]") - months.astype("datetime64[M]")).astype(int)
    return bool(len(counts) and counts.min() == counts.max() and counts[0] in {2, 3} and len(np.unique(days)) <= 7)


def _open_days(moments: np.ndarray, usual: float) -> Frequency | None:
    """Days of which some of the week hardly ever occur, such as business days, or those of a shop that is closed on
    Sundays; None where all occur, or where they do not follow each other."""
    days = moments // DAY
    if len(moments) < 10 or usual > 4 * DAY or (np.diff(moments) < 0.99 * DAY).any():
        return None
    share = np.bincount((days + 3) % 7, minlength=7) / len(days)  # 1970-01-01 was a Thursday
    mask = "".join("1" if part >= 0.02 else "0" for part in share)
    if mask.count("1") not in range(2, 7) or len(moments) < 3 * mask.count("1"):
        return None
    on_days = np.unique(np.busday_offset(moments.astype("datetime64[s]").astype("datetime64[D]"), 0, "backward", mask))
    following = np.busday_count(on_days[:-1], on_days[1:], weekmask=mask)
    if (following == 1).mean() < 0.7:
        return None
    found = _anchored("business day", 1, moments)
    return replace(found, weekmask=mask)


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
