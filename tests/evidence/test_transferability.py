"""The scores that order candidates, on cases that can be worked out otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.neighbors import KNeighborsClassifier

from engines.evidence import transferability
from engines.evidence.transferability import Sketch, balanced_mean, logme, neighbours_right, probe_right, ranked


def blobs(n: int, apart: float, seed: int = 0, dimensions: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Three classes whose means lie `apart` standard deviations from the origin, each along its own axis."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return rng.normal(size=(n, dimensions)) + apart * np.eye(3, dimensions)[labels], labels


def alone(n: int) -> np.ndarray:
    return np.arange(n)


def test_neighbours_by_hand() -> None:
    """By cosine, two pairs lie together and the fifth example is nearest to another class's."""
    x = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0.2, 1]])
    labels = np.array([0, 0, 1, 1, 0])
    assert neighbours_right(x @ x.T, labels, alone(5), k=1).tolist() == [True, True, True, False, False]


def test_neighbours_are_those_of_a_library() -> None:
    x, labels = blobs(60, 1.5)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    left_out = [
        KNeighborsClassifier(1).fit(np.delete(unit, i, 0), np.delete(labels, i)).predict(unit[[i]])[0]
        for i in range(60)
    ]
    own = neighbours_right(x @ x.T, labels, alone(60), k=1)
    assert (np.array(left_out) == labels).tolist() == own.tolist()


def test_copies_of_an_example_say_nothing_of_it() -> None:
    """Noise, each example twice: its copy would give its label away."""
    rng = np.random.default_rng(1)
    x, labels = np.repeat(rng.normal(size=(60, 8)), 2, 0), np.repeat(rng.integers(0, 2, 60), 2)
    groups = np.repeat(np.arange(60), 2)
    assert neighbours_right(x @ x.T, labels, alone(120), k=1).mean() == 1
    assert neighbours_right(x @ x.T, labels, groups, k=1).mean() < 0.7
    assert probe_right(x, labels, groups, seed=0).mean() < 0.7


def test_logme_is_the_largest_evidence() -> None:
    """Of a Bayesian regression, evaluated directly: each target ~ N(0, I / beta + X Xᵀ / alpha)."""
    x, labels = blobs(30, 1.0, dimensions=6)

    def evidence(logs: np.ndarray, target: np.ndarray) -> float:
        alpha, beta = np.exp(logs)
        covariance = np.eye(30) / beta + x @ x.T / alpha
        return float(stats.multivariate_normal(np.zeros(30), covariance).logpdf(target))

    best = [
        -optimize.minimize(lambda logs, t=(labels == c) * 1.0: -evidence(logs, t), [0.0, 0.0]).fun for c in range(3)
    ]
    assert logme(x @ x.T, labels) == pytest.approx(np.mean(best) / 30, abs=1e-3)


def test_logme_does_not_see_the_scale_of_features() -> None:
    x, labels = blobs(40, 1.0)
    assert logme(x @ x.T, labels) == pytest.approx(logme(100 * x @ x.T, labels), abs=1e-2)


def test_leep_by_hand() -> None:
    """Two components; the first holds both examples of class 0 and one of class 1, the second the other of class 1."""
    mixture = np.array([[1, 0], [1, 0], [1, 0], [0, 1.0]])
    expected = (2 * np.log(2 / 3) + np.log(1 / 3) + np.log(1)) / 4
    assert transferability.leep(mixture, np.array([0, 0, 1, 1])) == pytest.approx(expected)


def test_what_separates_classes_ranks_above_what_does_not() -> None:
    """Three candidates: separable, half as much, and noise; the noise is told apart, a copy of the best is not."""
    labels = blobs(90, 0)[1]
    seen = [blobs(90, apart, seed)[0] for seed, apart in enumerate((4.0, 4.0, 1.0, 0.0))]
    found = ranked([Sketch(x, labels, alone(90)) for x in seen])
    assert set(found.order[:2]) == {0, 1}
    assert list(found.order[2:]) == [2, 3]
    assert found.apart[3]
    assert not found.apart[found.order[0]]
    again = ranked([Sketch(x, labels, alone(90)) for x in seen])
    assert (again.mean == found.mean).all()
    assert (again.drawn == found.drawn).all()


def test_the_same_features_twice_cannot_be_told_apart() -> None:
    x, labels = blobs(60, 1.0)
    found = ranked([Sketch(x, labels, alone(60)), Sketch(x, labels, alone(60)), Sketch(x + 0, labels, alone(60))])
    assert not found.apart.any()
    assert found.mean.tolist() == [2, 2, 2]


def test_a_probe_expects_much_of_separable_classes_and_chance_of_shuffled_ones() -> None:
    x, labels = blobs(150, 4.0)
    shuffled = np.random.default_rng(0).permutation(labels)
    good = balanced_mean(probe_right(x, labels, alone(150), seed=0), labels, alone(150))
    chance = balanced_mean(probe_right(x, shuffled, alone(150), seed=0), shuffled, alone(150))
    assert good.value > 0.95
    assert abs(chance.value - 1 / 3) < chance.error
    assert 0.05 < chance.error < 0.12


def test_the_error_of_a_mean() -> None:
    """Of one class of 100 with half of them right: 1.96 √(.25/99 + 102⁻²); groups of two that agree have 50 to tell."""
    right, labels = np.arange(100) % 2 == 0, np.zeros(100, dtype=int)
    assert balanced_mean(right, labels, alone(100)).error == pytest.approx(1.96 * (0.25 / 99 + 102**-2) ** 0.5)
    in_twos = balanced_mean(np.repeat(right[:50], 2), labels, np.repeat(np.arange(50), 2))
    assert in_twos.value == 0.5
    assert in_twos.error == pytest.approx(1.96 * (0.25 / 49 + 102**-2) ** 0.5)


def test_a_class_of_one_cannot_be_probed() -> None:
    with pytest.raises(ValueError, match="two groups"):
        probe_right(np.eye(3), np.array([0, 0, 1]), alone(3), seed=0)
