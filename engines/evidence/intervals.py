"""Intervals for the accuracy of one network.

Every interval is the central 95 % of a posterior with Jeffreys' prior (Brown, Cai & DasGupta 2001, 'Interval
estimation for a binomial proportion'): unlike the bootstrap and the normal interval it stays honest at 100 % correct
and on ten examples. A balanced accuracy weighs examples unequally; it gets the interval of a plain one on its
effective number of examples (Kish 1965), as survey statisticians do for weighted shares (Korn & Graubard 1998). One
prior a class instead would pull every small class towards one half, and the more classes, the further the mean.
Draws are seeded, so the same predictions give the same interval.
"""

from __future__ import annotations

import numpy as np

from engines.contract import Estimate

DRAWS = 20_000
_JEFFREYS = 0.5


def accuracy(correct: np.ndarray) -> Estimate:
    """Share of `correct` (bool (N,)) with its interval."""
    draws = np.random.default_rng(0).beta(correct.sum() + _JEFFREYS, (~correct).sum() + _JEFFREYS, DRAWS)
    return _estimate(float(correct.mean()), draws, len(correct))


def share(value: float, n: int) -> Estimate:
    """A share with the interval that it has on `n` examples, which may be fewer than it was taken over."""
    draws = np.random.default_rng(0).beta(value * n + _JEFFREYS, (1 - value) * n + _JEFFREYS, DRAWS)
    return _estimate(value, draws, n)


def balanced_accuracy(labels: np.ndarray, correct: np.ndarray) -> Estimate:
    """Mean over classes of the share correct, with its interval. labels: int (N,); correct: bool (N,)."""
    return _estimate(balanced(labels, correct), balanced_draws(labels, correct), len(labels))


def balanced(labels: np.ndarray, correct: np.ndarray) -> float:
    """The mean over classes of the share correct, in [0, 1]."""
    return float(np.mean([correct[labels == label].mean() for label in np.unique(labels)]))


def balanced_draws(labels: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """float (DRAWS,): the posterior of the balanced accuracy."""
    share, n = balanced(labels, correct), effective_number(labels)
    return np.random.default_rng(0).beta(share * n + _JEFFREYS, (1 - share) * n + _JEFFREYS, DRAWS)


def effective_number(labels: np.ndarray) -> float:
    """How many equally weighted examples would tell as much as these, of which small classes weigh more each.

    K² / Σ 1/n over the K classes: the number of examples when classes are equally large, less otherwise.
    """
    counts = np.unique(labels, return_counts=True)[1]
    return float(len(counts) ** 2 / (1 / counts).sum())


def _estimate(value: float, draws: np.ndarray, n: int) -> Estimate:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n)
