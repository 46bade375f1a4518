"""Which columns tell the series apart: those that explain why a date occurs several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from engines.forecasting.series.frequency import regularity

MOST_TOGETHER = 3
"""Columns that tell the series apart together."""
EXPLAINED = 0.01
"""Of the rows: so few may still share their date with another of their series."""
COVERED = 0.4
"""Of all pairs of a series and a date: so many have a row where numbers tell the series apart."""
NEARLY_AS_WELL = 0.8
EVEN = 0.8
"""Of the steps, and of the series that have them."""
MOST_LOOKED_AT = 8
"""Columns."""


@dataclass(frozen=True)
class Explained:
    """How well some columns tell the rows of a date apart."""

    names: tuple[str, ...]
    repeated: int
    """Rows that share their date with another row of their series."""
    n_series: int
    covered: float
    """0 to 1: of all pairs of a series and a date, how many have a row."""
    keys: tuple[tuple[str, ...], ...] = ()
    """A row's series, row by row."""


def explained(dates: Sequence[str], columns: Mapping[str, Sequence[str]]) -> Explained:
    """`columns`: name -> its cells, one a date."""
    keys = tuple(zip(*columns.values(), strict=True)) if columns else ((),) * len(dates)
    n_series, n_dates = len(set(keys)), len(set(dates))
    pairs = len(set(zip(keys, dates, strict=True)))
    return Explained(tuple(columns), len(dates) - pairs, n_series, pairs / max(1, n_series * n_dates), keys)


def that_explain(dates: Sequence[str], columns: Mapping[str, Sequence[str]], numbers: set[str]) -> list[Explained]:
    """The smallest sets of columns that explain all repeated dates but a few, the best first; of several that make the
    same series, the first. Columns in `numbers` must make series that run through most of the dates."""
    names = list(columns)[:MOST_LOOKED_AT]
    for size in range(1, MOST_TOGETHER + 1):
        found: list[Explained] = []
        for chosen in combinations(names, size):
            one = explained(dates, {name: columns[name] for name in chosen})
            if one.repeated > EXPLAINED * len(dates) or one.n_series * 2 > len(dates):
                continue
            if (one.covered < COVERED and numbers & set(chosen)) or not all(map(any, one.keys)):
                continue
            if not any(_same(one, other) for other in found):
                found.append(one)
        if found:
            return sorted(found, key=lambda one: -one.covered)
    return []


def equals(found: list[Explained]) -> list[Explained]:
    """Those that explain the repeated dates about as well as the first."""
    return [one for one in found if one.covered >= NEARLY_AS_WELL * found[0].covered]


def that_vary(dates: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Columns with several entries at most dates, though rows that agree in all of them remain."""
    n_dates = len(set(dates))
    return [name for name, cells in columns.items() if len(set(zip(dates, cells, strict=True))) >= 1.5 * n_dates]


def even_apart(moments: Sequence[int | None], keys: Sequence[str]) -> bool:
    """Whether the dates of each key have even steps of their own; few keys, with several dates each."""
    apart: dict[str, list[int]] = {}
    for moment, key in zip(moments, keys, strict=True):
        if moment is not None and key:
            apart.setdefault(key, []).append(moment)
    if len(apart) < 2 or len(apart) * 4 > len(moments):
        return False
    even = sum(regularity(own) >= EVEN for own in apart.values())
    return even >= EVEN * len(apart)


def _same(one: Explained, other: Explained) -> bool:
    """Whether both make the same series of the same rows."""
    return one.n_series == other.n_series == len(set(zip(one.keys, other.keys, strict=True)))
