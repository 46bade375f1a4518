"""What changed inside, stage by stage: exact where there is an exact answer, and no probe on what was learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engines.evidence import layers


def drawn(n: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width))


# --- similarity -----------------------------------------------------------------------------------


def test_the_unbiased_estimate_is_the_mean_over_all_quadruples() -> None:
    """Song et al. 2012, equation 4: over all of four different examples, K_ij (L_ij + L_kl - 2 L_ik)."""
    one, other = (own @ own.T for own in (drawn(6, 2), drawn(6, 3, seed=1)))
    every = [(i, j, k, m) for i in range(6) for j in range(6) for k in range(6) for m in range(6)]
    terms = [
        one[i, j] * (other[i, j] + other[k, m] - 2 * other[i, k]) for i, j, k, m in every if len({i, j, k, m}) == 4
    ]
    assert layers.hsic(one, other) == pytest.approx(np.mean(terms))


def test_the_same_features_are_alike_however_they_are_turned_scaled_and_shifted() -> None:
    features = drawn(30, 5)
    turn, _ = np.linalg.qr(drawn(5, 5, seed=1))
    assert layers.cka(features, features) == pytest.approx(1)
    assert layers.cka(features, 1e-3 * features @ turn + 7) == pytest.approx(1)
    wider = np.concatenate([features @ turn, np.zeros((30, 4))], axis=1)
    assert layers.cka(features, wider) == pytest.approx(1)


def test_features_that_are_stretched_are_less_alike() -> None:
    features = drawn(200, 5)
    found = layers.cka(features, features * np.array([10, 1, 1, 1, 1]))
    assert found is not None
    assert 0.3 < found < 0.7


def test_unrelated_features_are_not_alike_even_where_there_are_more_than_examples() -> None:
    """The biased estimate finds them .9 alike."""
    pairs = [(drawn(20, 200, seed=s), drawn(20, 200, seed=s + 100)) for s in range(40)]
    found = [layers.cka(*pair) for pair in pairs]
    assert np.mean([value for value in found if value is not None]) == pytest.approx(0, abs=0.1)
    one, other = (own - own.mean(0) for own in pairs[0])
    biased = np.square(one.T @ other).sum() / np.sqrt(np.square(one.T @ one).sum() * np.square(other.T @ other).sum())
    assert biased > 0.85


def test_what_cannot_be_compared_has_no_similarity() -> None:
    assert layers.cka(np.ones((10, 3)), drawn(10, 3)) is None
    assert layers.cka(drawn(3, 3), drawn(3, 3)) is None


# --- movement -------------------------------------------------------------------------------------


def test_movement_is_a_share_of_the_weights_size() -> None:
    """A change of length 5 in weights of length 10, over two tensors."""
    before = [np.array([[6.0, 0.0]]), np.array([8.0])]
    after = [np.array([[6.0, 3.0]]), np.array([12.0])]
    assert layers.moved(zip(before, after, strict=True)) == pytest.approx(0.5)
    assert layers.moved(zip(before, before, strict=True)) == 0
    assert layers.moved([]) == 0


# --- probes ---------------------------------------------------------------------------------------


def test_a_probe_reads_what_is_linearly_there_and_nothing_else() -> None:
    labels = np.arange(300) % 3
    there = np.eye(3)[labels] @ drawn(3, 20) + 0.1 * drawn(300, 20, seed=1)
    learn, read = np.arange(150), np.arange(150, 300)
    assert layers.probe(there, labels, learn, read).mean() == 1
    assert layers.probe(drawn(300, 20, seed=2), labels, learn, read).mean() == pytest.approx(1 / 3, abs=0.12)


def test_memory_is_not_read() -> None:
    """With more features than examples noise can be learnt by heart: read on those examples, it would be perfect."""
    noise, labels = drawn(80, 500), np.arange(80) % 2
    learn = np.arange(60)
    with pytest.raises(ValueError, match="learnt from"):
        layers.probe(noise, labels, learn, np.arange(50, 80))
    assert layers.probe(noise, labels, learn, np.arange(60, 80)).mean() < 0.8


def test_a_rare_class_has_its_say() -> None:
    """5 of 100: a probe that followed the many would call none of them."""
    rng = np.random.default_rng(0)
    labels = (rng.random(800) < 0.05).astype(int)
    features = (labels + rng.normal(size=800))[:, None]
    right = layers.probe(features, labels, np.arange(400), np.arange(400, 800))
    assert right[labels[400:] == 1].mean() > 0.5


def test_a_feature_that_never_changes_does_no_harm() -> None:
    labels = np.arange(60) % 2
    features = np.stack([labels + 0.1 * drawn(60, 1)[:, 0], np.full(60, 3.0)], axis=1)
    assert layers.probe(features, labels, np.arange(40), np.arange(40, 60)).all()


# --- words ----------------------------------------------------------------------------------------


def stage(name: str, similarity: float | None, moved: float, before: float, after: float) -> dict[str, Any]:
    bounds = {"low": 0.0, "high": 1.0}
    return {
        "name": name,
        "similarity": similarity,
        "moved": moved,
        "before": {"value": before, **bounds},
        "after": {"value": after, **bounds},
    }


def test_the_sentences_say_what_the_numbers_bear_out() -> None:
    found: dict[str, Any] = {
        "changed": True,
        "stages": [stage("stem", 1.0, 0.0, 0.5, 0.5), stage("1", 0.83, 0.006, 0.7, 0.75)],
        "difference": {"value": 0.05, "low": -0.02, "high": 0.12},
        "n": 60,
    }
    told = layers.sentences(found, "photographs")
    assert told["similarity"].startswith("1 of 2 stages see your photographs much as before")
    assert "stage 1 changed most (0.83" in told["similarity"]
    assert told["moved"] == "Weights moved most in stage 1, by 0.6 % of their size; 1 of 2 stages did not move."
    assert "no difference that 60 photographs can show" in told["probes"]
    found["difference"]["low"] = 0.01
    assert "5 points more for these two networks" in layers.sentences(found, "photographs")["probes"]
    assert layers.sentences({"changed": False, "stages": []}, "texts").keys() == {"unchanged"}
