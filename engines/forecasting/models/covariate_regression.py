"""What columns that are known ahead, such as holidays or promotions, explain of a series: a regression whose errors the
network forecasts ('regression with ARIMA errors' in Hyndman & Athanasopoulos, Forecasting: Principles and Practice,
3rd ed., chapter 10, with the network in ARIMA's place).

It is fitted on differences from the season before: level, trend and season belong to the network, and two series
that merely drift together explain nothing of each other. Needs numpy alone, so that exports can carry it along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Ridge penalties as shares of the mean variance of the columns' differences; the validation part chooses."""
CLEARLY = 1.0
"""By how many standard errors the validation part must be explained better than by nothing."""
FEWEST = 8
"""Differences in each of the two parts without which nothing is fitted."""


@dataclass(frozen=True)
class Effect:
    """What known columns (T, K) add to a series: weights times the columns in units of their past deviation, and for
    columns of more than two values also times their square."""

    centre: list[float]
    spread: list[float]
    """K each: mean and deviation before the test; a spread of 0: the column never changed and counts for nothing."""
    curved: list[int]
    """Columns whose square counts too."""
    weights: list[float]
    """K, then one for each of `curved`; in the unit of the series."""

    def of(self, known: np.ndarray) -> np.ndarray:
        """known: float64 (T, K), nan where missing: that value is then taken for the mean. Returns (T,)."""
        return np.asarray(np.nan_to_num(self.terms(known)) @ np.array(self.weights))

    def terms(self, known: np.ndarray) -> np.ndarray:
        """float64 (T, K + squares), nan where missing."""
        spread = np.array(self.spread)
        plain = np.where(spread > 0, (known - np.array(self.centre)) / np.where(spread > 0, spread, 1.0), 0.0)
        return np.concatenate([plain, plain[:, self.curved] ** 2 - 1], axis=1)

    def needs(self) -> list[int]:
        """The columns that have a weight."""
        straight = {i for i, weight in enumerate(self.weights[: len(self.centre)]) if weight}
        return sorted(straight | set(self.curved))


def fit(values: np.ndarray, known: np.ndarray, validation: int, test: int, season: int) -> Effect | None:
    """The effect of known columns on a series, from what lies before `test` alone; None where they do not clearly help.

    values: float64 (T,), known: float64 (T or more, K), both nan where missing. Each penalty is fitted on what lies
    before `validation` and judged between there and `test`; the best is then fitted on both.
    """
    past = known[:test]
    seen = np.isfinite(past)
    count = np.maximum(seen.sum(0), 1)
    centre = np.where(seen, past, 0.0).sum(0) / count
    spread = np.sqrt((np.where(seen, past - centre, 0.0) ** 2).sum(0) / count)
    spread = np.where(spread > 1e-9 * np.maximum(1.0, np.abs(centre)), spread, 0.0)
    curved = [i for i in range(past.shape[1]) if spread[i] and len(np.unique(past[seen[:, i], i])) > 2]
    empty = Effect(centre.tolist(), spread.tolist(), curved, [0.0] * (past.shape[1] + len(curved)))
    if not (spread > 0).any():
        return None
    terms = empty.terms(past)  # (test, C)
    lag = season if validation > 2 * season + FEWEST else 1
    y, x = values[lag:test] - values[: test - lag], terms[lag:] - terms[:-lag]
    whole = np.isfinite(y) & np.isfinite(x).all(1)
    first = whole & (np.arange(lag, test) < validation)
    later = whole & ~first
    if min(first.sum(), later.sum()) < FEWEST or not (x[first] ** 2).any():
        return None
    gains = {}
    for penalty in PENALTIES:
        weights = ridge(x[first], y[first], penalty)
        gains[penalty] = np.abs(y[later]) - np.abs(y[later] - x[later] @ weights)
    best = max(PENALTIES, key=lambda penalty: float(gains[penalty].mean()))
    if not gains[best].mean() > CLEARLY * gains[best].std(ddof=1) / np.sqrt(later.sum()):
        return None
    weights = ridge(x[whole], y[whole], best)
    return Effect(empty.centre, empty.spread, empty.curved, weights.tolist())


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Least squares of y (N,) on x (N, C) without a constant, pulled towards 0. Returns (C,)."""
    square = x.T @ x
    pull = max(penalty * float(np.trace(square)) / len(square), 1e-12)
    return np.asarray(np.linalg.solve(square + pull * np.eye(len(square)), x.T @ y))
