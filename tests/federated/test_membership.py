"""The test of who was in a model's data finds one that has learnt by heart, and says nothing where it could not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engines.contract import Features
from engines.federated import membership


def drawn(n: int, width: int, seed: int, apart: float = 1.0) -> Features:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    centres = np.random.default_rng(99).normal(size=(3, width)) * apart
    return Features((centres[labels] + rng.normal(size=(n, width))).astype(np.float32), labels)


def test_the_area_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.normal(1, 1, 40).round(1), rng.normal(0, 1, 30).round(1)
    expected = roc_auc_score(np.r_[np.ones(40), np.zeros(30)], np.r_[members, others])
    assert membership.auc(members, others) == pytest.approx(expected)
    found = membership.estimate(members, others)
    assert found.low < found.value < found.high
    assert found.n == 70


def test_a_model_that_guesses_gives_nobody_away() -> None:
    learnt, others = drawn(90, 200, 0, 0.3), drawn(90, 200, 1, 0.3)
    rng = np.random.default_rng(2)
    found = membership.tested(rng.normal(size=(90, 3)), learnt, rng.normal(size=(90, 3)), others, 0)
    assert found["control"]["value"] >= membership.FINDS
    assert found["verdict"] == "none_found"
    assert "A cleverer test may find more" in found["text"]


def test_a_model_that_has_learnt_by_heart_is_found() -> None:
    learnt, others = drawn(90, 200, 0, 0.3), drawn(90, 200, 1, 0.3)
    rng = np.random.default_rng(2)
    by_heart = np.eye(3)[learnt.targets] * 5 + rng.normal(size=(90, 3))
    found = membership.tested(by_heart, learnt, rng.normal(size=(90, 3)), others, 0)
    assert found["verdict"] == "found"
    assert found["value"]["value"] > 0.9


def test_where_the_control_is_not_found_nothing_is_said() -> None:
    """Classes so far apart that members and others are alike: nothing could be learnt by heart beyond them."""
    learnt, others = drawn(90, 4, 0, 300.0), drawn(90, 4, 1, 300.0)
    rng = np.random.default_rng(2)
    found = membership.tested(rng.normal(size=(90, 3)), learnt, rng.normal(size=(90, 3)), others, 0)
    assert found["control"]["value"] < membership.FINDS
    assert found["verdict"] == "cannot_tell"
