"""What each method does to small features: nothing where domains are alike, the right thing where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from engines.adaptation import methods
from engines.adaptation.linear import Linear, Scaling, as_sure, fitted, unit_length
from engines.adaptation.methods import METHODS, Seen, covariance, label_prior, power, t3a

Blobs = tuple[np.ndarray, np.ndarray]


def blobs(n: int, seed: int, *, shift: float = 0.0, scale: float = 1.0, share: float = 0.5, width: int = 6) -> Blobs:
    """Two classes that differ in the first number, in a domain that is shifted and scaled."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(np.int64)
    x = rng.normal(size=(n, width))
    x[:, 0] += 3 * labels
    return x * scale + shift, labels


def seen(source: np.ndarray, labels: np.ndarray, target: np.ndarray) -> Seen:
    scaling = Scaling.of(source)
    head = fitted(scaling(source), labels, 2).of_raw(scaling)
    return Seen(source, labels, target, head, 1 / as_sure(head(source), 0.93))


def right(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(1) == labels).mean())


def test_scalings_meet_halfway() -> None:
    x, y = np.array([[0.0], [2.0]]), np.array([[4.0], [18.0]])
    half = Scaling.of(x).towards(Scaling.of(y), 0.5)
    assert half.shift == pytest.approx(6)
    assert half.scale == pytest.approx(5)


@pytest.mark.parametrize("name", list(METHODS))
def test_where_domains_are_alike_nothing_is_lost(name: str) -> None:
    source, labels = blobs(300, 1)
    target, truth = blobs(300, 2)
    given = seen(source, labels, target)
    heads = METHODS[name](given)
    assert right(heads.target(target), truth) > right(given.head(target), truth) - 0.03
    assert right(heads.source(source), labels) > 0.9


@pytest.mark.parametrize(("name", "shift", "gained"), [("self-training", 1.0, 0.05), ("coral", 4.0, 0.3)])
def test_a_domain_that_is_moved_and_stretched_is_found_again(name: str, shift: float, gained: float) -> None:
    source, labels = blobs(300, 1)
    target, truth = blobs(300, 2, shift=shift, scale=2.0)
    given = seen(source, labels, target)
    heads = METHODS[name](given)
    assert right(heads.target(target), truth) > right(given.head(target), truth) + gained
    assert right(heads.source(source), labels) > 0.9


def test_the_label_prior_follows_the_share_of_a_class() -> None:
    source, labels = blobs(2000, 1)
    target, truth = blobs(2000, 2, share=0.95)
    given = seen(source, labels, target)
    moved = label_prior(given).target
    assert np.argmax(moved.bias - given.head.bias) == 1
    assert right(moved(target), truth) > right(given.head(target), truth)
    assert np.allclose(moved.weight, given.head.weight)


def test_t3a_keeps_only_the_surest_of_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    source, labels = blobs(100, 1)
    target, _ = blobs(500, 2)
    given = seen(source, labels, target)
    monkeypatch.setattr(methods, "SUPPORTS", 0)
    ours = Scaling.of(source)
    alone = t3a(given).source.of_scaled(ours).weight
    assert np.allclose(alone, unit_length(given.head.of_scaled(ours).weight))
    monkeypatch.setattr(methods, "SUPPORTS", 1)
    theirs = ours.towards(Scaling.of(target), methods.HALFWAY)
    scaled = theirs(target)
    surest = [scaled[np.argmax(given.head.of_scaled(ours)(scaled) @ sign)] for sign in ([1, -1], [-1, 1])]
    assert np.allclose(
        t3a(given).source.of_scaled(ours).weight, unit_length((alone + unit_length(np.stack(surest))) / 2)
    )


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
    head = fitted(x, labels * 2, 3)  # classes 0 and 2 of three
    assert set(head(x).argmax(1)) == {0, 2}


def test_few_examples_of_many_numbers_are_fitted_in_few_axes_alike() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(30, 80)), np.arange(30) % 2
    wide = fitted(np.concatenate([x, x * 0 + 1e-12], 1), labels, 2)
    assert np.allclose(wide.weight[:, :80], fitted(x, labels, 2).weight, atol=1e-3)


def test_logits_are_made_as_sure_as_wanted() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 3))
    assert softmax(logits * as_sure(logits, 0.8), axis=1).max(1).mean() == pytest.approx(0.8, abs=1e-4)
    assert as_sure(logits, 0.0) < 1e-4


def test_a_power_of_a_covariance() -> None:
    x = np.random.default_rng(0).normal(size=(30, 5))
    square = covariance(x)
    assert np.allclose(power(square, 0.5) @ power(square, 0.5), square)
    assert np.allclose(power(square, -0.5) @ power(square, 0.5), np.eye(5))
