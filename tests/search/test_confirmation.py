"""The winner of many equals is not called better than the default."""

from __future__ import annotations

import numpy as np
import pytest

from engines.contract import Scores
from engines.evidence.scores import Accuracies, Sums
from engines.search.confirmation import confirmed

N, TRIALS = 120, 15


def classified(rng: np.random.Generator, right: float, hard: np.ndarray, labels: np.ndarray) -> Accuracies:
    """A classifier that is as often right as the others, mostly on the same examples."""
    guessed = rng.random(len(hard)) < 0.3
    return Accuracies(labels, [np.where(guessed, rng.random(len(hard)) < right, hard < right).astype(float)])


def search(rng: np.random.Generator, gain: float = 0.0) -> bool:
    """Whether the winner of trials is confirmed, of which one is better by that much."""
    hard, labels = rng.random(N), rng.permutation(np.arange(N) % 2)
    default = classified(rng, 0.6, hard, labels)
    others: list[Scores] = [classified(rng, 0.6, hard, labels) for _ in range(TRIALS - 1)]
    others.append(classified(rng, 0.6 + gain, hard, labels))
    winner = int(np.argmax([one.estimate().value for one in others]))
    return confirmed(default, others, winner, higher_is_better=True, seed=0).sure


def test_equals_are_seldom_confirmed() -> None:
    rng = np.random.default_rng(1)
    assert sum(search(rng) for _ in range(50)) <= 7  # of nothing, one in twenty


def test_without_the_correction_many_would_be() -> None:
    """What it is there for: the best of many against the default, as if it were the only one."""
    rng, ahead = np.random.default_rng(1), 0
    for _ in range(25):
        hard, labels = rng.random(N), rng.permutation(np.arange(N) % 2)
        default = classified(rng, 0.6, hard, labels)
        best = max((classified(rng, 0.6, hard, labels) for _ in range(TRIALS)), key=lambda one: one.estimate().value)
        ahead += confirmed(default, [best], 0, higher_is_better=True, seed=0).sure
    assert ahead >= 5


def test_what_is_much_better_is_confirmed() -> None:
    rng = np.random.default_rng(2)
    assert sum(search(rng, gain=0.3) for _ in range(8)) >= 7


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_better_side_is_the_metrics_own(*, higher_is_better: bool) -> None:
    rng = np.random.default_rng(0)
    base = np.stack([rng.uniform(5, 6, 40), np.full(40, 10.0)], axis=1)
    better = base - [[2.0, 0.0]]

    def rate(sums: np.ndarray) -> float:
        return float(sums[0] / sums[1])

    found = confirmed(Sums([base], rate), [Sums([better], rate)], 0, higher_is_better=higher_is_better, seed=0)
    assert found.sure is not higher_is_better
