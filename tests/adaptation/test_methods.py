"""What each method does to small features: nothing where domains are alike, the right thing where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from engines.adaptation.linear import Linear, Scaling, as_sure, fitted, strength
from engines.adaptation.methods import METHODS, SUPPORTS, Seen, covariance, label_prior, power, t3a


def blobs(n: int, seed: int, *, shift: float = 0.0, scale: float = 1.0, share: float = 0.5, width: int = 6):
    """Two classes that differ in the first number, in a domain that is shifted and scaled."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(np.int64)
    x = rng.normal(size=(n, width))
    x[:, 0] += 3 * labels
    return x * scale + shift, labels


def seen(source: np.ndarray, labels: np.ndarray, target: np.ndarray) -> Seen:
    scaling = Scaling.of(source)
    head = fitted(scaling(source), labels, 2, 1e-2).of_raw(scaling)
    return Seen.of(source, labels, target, head, 1.0, seed=0)


def right(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(1) == labels).mean())


@pytest.mark.parametrize("name", list(METHODS))
def test_where_domains_are_alike_nothing_is_lost(name: str) -> None:
    source, labels = blobs(300, 1)
    target, truth = blobs(300, 2)
    given = seen(source, labels, target)
    heads = METHODS[name](given)
    assert right(heads.target(target), truth) > right(given.head(target), truth) - 0.03
    assert right(heads.source(source), labels) > 0.9


@pytest.mark.parametrize("name", ["self-training", "coral"])
def test_a_domain_that_is_moved_and_stretched_is_found_again(name: str) -> None:
    source, labels = blobs(300, 1)
    target, truth = blobs(300, 2, shift=4.0, scale=2.0)
    given = seen(source, labels, target)
    assert right(given.head(target), truth) < 0.6
    heads = METHODS[name](given)
    assert right(heads.target(target), truth) > 0.85
    assert right(heads.source(source), labels) > 0.9


def test_the_label_prior_follows_the_share_of_a_class() -> None:
    source, labels = blobs(2000, 1)
    target, truth = blobs(2000, 2, share=0.95)
    given = seen(source, labels, target)
    moved = label_prior(given).target
    assert np.argmax(moved.bias - given.head.bias) == 1
    assert right(moved(target), truth) > right(given.head(target), truth)
    assert np.allclose(moved.weight, given.head.weight)


def test_t3a_keeps_only_the_surest_of_a_class() -> None:
    source, labels = blobs(100, 1)
    target, _ = blobs(500, 2)
    given = seen(source, labels, target)
    doubtful = np.argsort(np.abs(given.head(target) @ [1, -1]))[: 500 - 4 * SUPPORTS]
    moved = target.copy()
    moved[doubtful] += 1e-3  # the doubtful are in no class's mean, however they lie
    assert np.allclose(t3a(given).target.weight, t3a(seen(source, labels, moved)).target.weight, atol=1e-6)
    assert np.allclose(np.linalg.norm(t3a(given).target.of_scaled(Scaling.of(source)).weight, axis=1), 1)


def test_the_same_twice() -> None:
    source, labels = blobs(80, 1)
    target, _ = blobs(60, 2, shift=1.0)
    for method in METHODS.values():
        first, second = (method(seen(source, labels, target)).target for _ in range(2))
        assert np.array_equal(first.weight, second.weight)
        assert np.array_equal(first.bias, second.bias)


# --- the head --------------------------------------------------------------------------------------


def test_a_head_moves_between_scales_without_changing_an_answer() -> None:
    rng = np.random.default_rng(0)
    x, head = rng.normal(2, 3, (20, 4)), Linear(rng.normal(size=(3, 4)), rng.normal(size=3))
    scaling = Scaling.of(x)
    assert np.allclose(head.of_scaled(scaling)(scaling(x)), head(x))
    assert np.allclose(head.of_scaled(scaling).of_raw(scaling)(x), head(x))


def test_a_class_that_nobody_has_shown_is_never_answered() -> None:
    x, labels = blobs(60, 3)
    head = fitted(x, labels * 2, 3, 1e-2)  # classes 0 and 2 of three
    assert set(head(x).argmax(1)) == {0, 2}


def test_few_examples_of_many_numbers_are_fitted_in_few_axes_alike() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(30, 80)), np.arange(30) % 2
    wide = fitted(np.concatenate([x, x * 0 + 1e-12], 1), labels, 2, 1e-2)
    assert np.allclose(wide.weight[:, :80], fitted(x, labels, 2, 1e-2).weight, atol=1e-3)


def test_the_penalty_is_chosen_in_folds_or_not_at_all() -> None:
    x, labels = blobs(60, 3)
    assert strength(x, labels, 2, seed=0) == strength(x, labels, 2, seed=0)
    assert strength(x[:3], np.array([0, 0, 1]), 2, seed=0) == 1e-2


def test_logits_are_made_as_sure_as_wanted() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 3))
    assert softmax(logits * as_sure(logits, 0.8), axis=1).max(1).mean() == pytest.approx(0.8, abs=1e-4)
    assert as_sure(logits, 0.0) < 1e-4


def test_a_power_of_a_covariance() -> None:
    x = np.random.default_rng(0).normal(size=(30, 5))
    square = covariance(x)
    assert np.allclose(power(square, 0.5) @ power(square, 0.5), square)
    assert np.allclose(power(square, -0.5) @ power(square, 0.5), np.eye(5))
