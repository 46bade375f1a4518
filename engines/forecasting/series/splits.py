"""Which stretch of a series is learnt from, which one chooses, and from which points in time the test forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engines.messages import _

FEWEST_SEEN = 8
"""Values before the first forecast."""
HISTORY = _("values of history")
"""What a budget counts."""
MOST_CHECKS = 32
"""Validation forecasts of one series."""


@dataclass(frozen=True)
class Split:
    """One series cut in time. An origin is the position of the first value that is forecast: what is before is known.

    train [0, validation) | validation [validation, test) | test [test, end): nothing is learnt from what comes later.
    """

    validation: int
    test: int
    end: int
    origins: tuple[int, ...]
    """Of the test, ascending; each forecast ends within the series."""

    def checks(self, horizon: int) -> tuple[int, ...]:
        """Origins within the validation part, spread over it; their forecasts end before the test."""
        every = np.arange(self.validation, self.test - horizon + 1)
        picked = np.unique(np.linspace(0, len(every) - 1, min(len(every), MOST_CHECKS)).round().astype(int))
        return tuple(int(every[i]) for i in picked)


def deciding(splits: Iterable[Split | None]) -> int:
    """Values of a series that decide when to stop, at most: they count as learnt from."""
    return max(split.test - split.validation for split in splits if split is not None)


def histories(splits: Sequence[Split | None], horizon: int) -> tuple[int, int]:
    """How many of the newest values before the test a comparison may give to learn from: the least, and all."""
    more, longest = deciding(splits), max(split.validation for split in splits if split is not None)
    return FEWEST_SEEN + horizon + more, longest + more


def longest_horizon(length: int) -> int:
    """The most steps that can be learnt, chosen by and tested in a series of that length; 0 or less: none."""
    return (length - FEWEST_SEEN) // 3


def cut(length: int, horizon: int, origins: int) -> Split | None:
    """The split of a series; None where it is too short.

    The test takes up to a third of the series: `origins` forecasts (expanding window), a horizon apart or as far as
    there is room. A quarter of what is before it, at most twenty horizons, validates.
    """
    if horizon > longest_horizon(length):
        return None
    last = length - horizon
    room = max(0, min(length // 3 - horizon, last - FEWEST_SEEN - 2 * horizon))
    stride = max(1, min(horizon, room // max(1, origins - 1)))
    count = min(origins, room // stride + 1)
    starts = tuple(last - stride * back for back in range(count - 1, -1, -1))
    test = starts[0]
    validating = max(horizon, min(test // 4, 20 * horizon))
    validation = max(FEWEST_SEEN + horizon, test - validating)
    return Split(validation, test, length, starts)
