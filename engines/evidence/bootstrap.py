"""Intervals for metrics of a whole test set that are no mean over examples: perplexity, BLEU, chrF.

Such a metric is a function of sums over examples (log-likelihoods and tokens, matched n-grams and their totals). Its
interval is the percentile bootstrap's over examples (Koehn 2004, 'Statistical significance tests for machine
translation evaluation'). Draws are seeded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.contract import Estimate

DRAWS = 1000
Value = Callable[[np.ndarray], float]
"""Sums over examples, float (K,) -> the metric."""


def estimate(statistics: np.ndarray, value: Value) -> Estimate:
    """The metric with its interval. statistics: float (N, K), a row of what is added up an example."""
    return _estimate(value(statistics.sum(0)), draws(statistics, value), len(statistics))


def draws(statistics: np.ndarray, value: Value) -> np.ndarray:
    """float (DRAWS,): the metric on as many test sets, drawn with replacement from the examples."""
    n = len(statistics)
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)  # (D, N)
    return np.array([value(sums) for sums in counts @ statistics])


def mean(values: np.ndarray, weights: np.ndarray | None, counts: np.ndarray, n: int) -> Estimate:
    """A mean over items, nan left out, each with its weight, and its interval over draws in which item i occurs
    counts[d, i] times. values, weights: float (N,); counts: (D, N); n: what the test is said to hold."""
    known = np.isfinite(values)
    weight = np.where(known, 1.0 if weights is None else weights, 0.0)
    kept = np.where(known, values, 0.0)
    if not weight.sum():
        return Estimate(float("nan"), float("nan"), float("nan"), n)
    below = counts @ weight
    drawn = (counts @ (kept * weight))[below > 0] / below[below > 0]
    return _estimate((kept * weight).sum() / weight.sum(), drawn, n)


def _estimate(value: float, drawn: np.ndarray, n: int) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(value), min(float(low), value), max(float(high), value), n)
