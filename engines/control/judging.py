"""Intervals for returns: over the seeds that something was learnt from, and the episodes that it was judged on.

A two-level bootstrap (Efron & Tibshirani 1993, section 8; recommended for few runs by Agarwal et al. 2021): seeds are
drawn with replacement, then episodes of each drawn seed. Draws are seeded, and the same for every contender: episode i
of seed s is the same world for all, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.contract import Estimate, Verdict
from engines.evidence import resampling

DRAWS = 2_000

Returns = Sequence[np.ndarray]
"""One array (episodes,) a seed, all of the same length."""


def draws(returns: Returns) -> np.ndarray:
    """float64 (DRAWS,): the mean return on other seeds and episodes."""
    values = np.stack(returns)  # (S, E)
    seeds, episodes = values.shape
    rng = np.random.default_rng(0)
    total = np.zeros(DRAWS)
    for _ in range(seeds):
        picked = rng.integers(seeds, size=(DRAWS, 1))
        total += values[picked, rng.integers(episodes, size=(DRAWS, episodes))].mean(1)
    return total / seeds


def interval(returns: Returns) -> tuple[float, float]:
    """The 95 % interval of the mean."""
    low, high = np.quantile(draws(returns), [0.025, 0.975])
    mean = float(np.mean(np.stack(returns)))
    return min(float(low), mean), max(float(high), mean)


def estimate(returns: Returns) -> Estimate:
    """The mean return with its interval."""
    low, high = interval(returns)
    return Estimate(float(np.mean(np.stack(returns))), low, high, sum(map(len, returns)), len(returns))


def verdict(ours: Returns, theirs: Returns, against: str) -> Verdict:
    """Whether ours is better on the same seeds and episodes."""
    apart = estimate([a - b for a, b in zip(ours, theirs, strict=True)])
    return resampling.judge(apart, against, higher_is_better=True)
