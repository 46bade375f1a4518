"""Intervals for accuracies, alone and paired.

Every interval is the central 95 % of a posterior with Jeffreys' prior (Brown, Cai & DasGupta 2001, 'Interval
estimation for a binomial proportion'): unlike the bootstrap and the normal interval it stays honest at 100 % correct
and on ten examples. A balanced accuracy weighs examples unequally; it gets the interval of a plain one on its
effective number of examples (Kish 1965), as survey statisticians do for weighted shares (Korn & Graubard 1998). One
prior a class instead would pull every small class towards one half, and the more classes, the further the mean.
Draws are seeded, so the same predictions give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.contract import Estimate, Verdict

DRAWS = 20_000
_JEFFREYS = 0.5


def accuracy(correct: np.ndarray) -> Estimate:
    """Share of `correct` (bool (N,)) with its interval."""
    draws = np.random.default_rng(0).beta(correct.sum() + _JEFFREYS, (~correct).sum() + _JEFFREYS, DRAWS)
    return _estimate(float(correct.mean()), draws, len(correct))


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


def paired_draws(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """float (DRAWS,): the posterior of ours minus theirs in balanced accuracy, on the same examples.

    Only examples on which the two differ move it: the outcomes (both right, only ours, only theirs, neither) are
    multinomial, with half a Jeffreys count in each cell so that either alone keeps its own interval.
    """
    shares = [balanced(labels, cell) for cell in (ours & theirs, ours & ~theirs, ~ours & theirs, ~ours & ~theirs)]
    counts = np.array(shares) * effective_number(labels) + _JEFFREYS / 2
    drawn = np.random.default_rng(0).dirichlet(counts, DRAWS)
    return drawn[:, 1] - drawn[:, 2]


def effective_number(labels: np.ndarray) -> float:
    """How many equally weighted examples would tell as much as these, of which small classes weigh more each.

    K² / Σ 1/n over the K classes: the number of examples when classes are equally large, less otherwise.
    """
    counts = np.unique(labels, return_counts=True)[1]
    return float(len(counts) ** 2 / (1 / counts).sum())


def verdict(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, against: str) -> Verdict:
    """Whether ours is better than theirs (both bool (N,): correct or not) on the same test examples."""
    draws = paired_draws(labels, ours, theirs)
    return judge(_estimate(balanced(labels, ours) - balanced(labels, theirs), draws, len(labels)), against)


def judge(difference: Estimate, against: str) -> Verdict:
    """'pays' when the whole interval is above zero, 'hurts' when it is below, else 'undecided'."""
    word = "pays" if difference.low > 0 else "hurts" if difference.high < 0 else "undecided"
    return Verdict(verdict=word, difference=difference, against=against)  # type: ignore[arg-type]  # one of the three


def over_seeds(values: Sequence[float], draws: Sequence[np.ndarray], n: int) -> Estimate:
    """The mean over seeds, its interval covering both the test examples and the choice of seed.

    values: one a seed; draws: the posterior (DRAWS,) that goes with each. The seeds are resampled (a bootstrap over
    runs). Their posteriors are lined up rank by rank before they are averaged: all seeds were tested on the same
    examples, and an unlucky draw of those is unlucky for every seed.
    """
    rng = np.random.default_rng(0)
    stacked = np.sort(np.stack(draws), axis=1)  # (S, DRAWS)
    seeds = len(stacked)
    picked = rng.integers(seeds, size=(seeds, stacked.shape[1]))
    mixed = stacked[picked, np.arange(stacked.shape[1])].mean(axis=0)
    estimate = _estimate(float(np.mean(values)), mixed, n)
    return Estimate(estimate.value, estimate.low, estimate.high, n, seeds)


def _estimate(value: float, draws: np.ndarray, n: int) -> Estimate:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n)
