"""Intervals for metrics of a whole test set that are no mean over examples: perplexity, BLEU, chrF.

Such a metric is a function of sums over examples (log-likelihoods and tokens, matched n-grams and their totals). Its
interval is the percentile bootstrap's over examples, its comparison the paired bootstrap's (Koehn 2004, 'Statistical
significance tests for machine translation evaluation'): the same draws for both systems. Draws are seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engines.contract import Estimate, Verdict

DRAWS = 1000
Value = Callable[[np.ndarray], float]
"""Sums over examples, float (K,) -> the metric."""


def estimate(statistics: np.ndarray, value: Value) -> Estimate:
    """The metric with its interval. statistics: float (N, K), a row of what is added up an example."""
    return _estimate(value(statistics.sum(0)), draws(statistics, value), len(statistics))


def difference(ours: np.ndarray, theirs: np.ndarray, value: Value) -> Estimate:
    """Ours minus theirs on the same examples, both float (N, K) in the same order, with its interval."""
    apart = value(ours.sum(0)) - value(theirs.sum(0))
    return _estimate(apart, draws(ours, value) - draws(theirs, value), len(ours))


def draws(statistics: np.ndarray, value: Value) -> np.ndarray:
    """float (DRAWS,): the metric on as many test sets, drawn with replacement from the examples."""
    n = len(statistics)
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)  # (D, N)
    return np.array([value(sums) for sums in counts @ statistics])


def over_seeds(values: Sequence[float], drawn: Sequence[np.ndarray], n: int) -> Estimate:
    """The mean over seeds; its interval covers the test examples (`draws`, the same for each seed) and the seeds."""
    stacked = np.stack(drawn)  # (S, DRAWS)
    picked = np.random.default_rng(0).integers(len(stacked), size=stacked.shape)
    mixed = stacked[picked, np.arange(stacked.shape[1])].mean(axis=0)
    found = _estimate(float(np.mean(values)), mixed, n)
    return Estimate(found.value, found.low, found.high, n, len(stacked))


def judge(difference: Estimate, against: str, *, higher_is_better: bool) -> Verdict:
    """'pays' when the whole interval is on the better side of zero, 'hurts' when on the worse, else 'undecided'."""
    above, below = difference.low > 0, difference.high < 0
    better, worse = (above, below) if higher_is_better else (below, above)
    return Verdict("pays" if better else "hurts" if worse else "undecided", difference, against)


def _estimate(value: float, drawn: np.ndarray, n: int) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(value), min(float(low), value), max(float(high), value), n)
