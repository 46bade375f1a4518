"""What a clinic asks of a test, against scikit-learn and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from engines.classification import diagnostics


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 patients of two pictures each, with ties among the answers."""
    rng = np.random.default_rng(0)
    ill = np.repeat(rng.random(60) < 0.4, 2)
    says = np.round(np.clip(0.35 + 0.25 * ill + rng.normal(0, 0.2, 120), 0, 1), 2)
    return ill, says, np.repeat(np.arange(60), 2)


def test_areas_and_curves_are_those_of_scikit_learn(made: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    ill, says, groups = made
    found = diagnostics.report(ill, says, groups, sensitivity=0.9)
    assert found["auroc"]["value"] == pytest.approx(roc_auc_score(ill, says))
    assert found["average_precision"]["value"] == pytest.approx(average_precision_score(ill, says))
    x, y, _ = roc_curve(ill, says)
    assert [p["value"] for p in found["roc"]] == pytest.approx(np.interp(diagnostics.GRID, x, y), abs=0.02)
    assert found["auroc"]["low"] < found["auroc"]["value"] < found["auroc"]["high"]
    assert (found["n"], found["n_ill"], found["patients"]) == (120, int(ill.sum()), 60)
    json.dumps(found)


def test_pictures_of_one_patient_make_no_narrower_interval(made: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    ill, says, groups = made
    once = diagnostics.report(ill[::2], says[::2], groups[::2], sensitivity=0.9)["auroc"]
    copied = diagnostics.report(
        np.repeat(ill[::2], 5), np.repeat(says[::2], 5), np.repeat(groups[::2], 5), sensitivity=0.9
    )
    width = copied["auroc"]["high"] - copied["auroc"]["low"]
    assert width == pytest.approx(once["high"] - once["low"], rel=0.1)


def test_a_threshold_finds_the_share_that_is_asked_for() -> None:
    ill = np.array([True] * 10 + [False] * 10)
    says = np.r_[np.linspace(0.1, 1.0, 10), np.linspace(0.0, 0.45, 10)]
    threshold = diagnostics.threshold(ill, says, 0.8)
    assert (says[ill] >= threshold).mean() == 0.8
    assert diagnostics.threshold(ill, says, 0.81) < threshold
    held_out = diagnostics.report(ill, says, np.arange(20), sensitivity=0.8, held_out=(ill, says))["operating"]
    assert (held_out["on"], held_out["threshold"]) == ("validation", threshold)
    assert held_out["sensitivity"]["value"] == 0.8
    nothing = diagnostics.report(ill, says, np.arange(20), sensitivity=0.8)["operating"]
    assert (nothing["on"], nothing["threshold"]) == ("nothing", 0.5)


def test_in_folds_nobody_is_judged_by_a_threshold_that_he_chose() -> None:
    """The ill of the first fold are all said to be less likely than any other: the others' threshold misses them."""
    ill = np.array([True, True, False, False] * 2)
    says = np.array([0.2, 0.3, 0.0, 0.1, 0.8, 0.9, 0.0, 0.1])
    found = diagnostics.report(ill, says, np.arange(8), sensitivity=0.99, folds=np.array([0] * 4 + [1] * 4))[
        "operating"
    ]
    assert (found["on"], found["threshold"]) == ("out-of-fold", 0.2)
    assert found["sensitivity"]["value"] == 0.5


def test_net_benefit_by_hand() -> None:
    """Vickers & Elkin: TP/n - FP/n · p/(1 - p)."""
    ill = np.array([True, True, False, False, False])
    says = np.array([0.9, 0.3, 0.6, 0.1, 0.1])
    row = min(diagnostics.decision_curve(ill, says, np.ones((2, 5))), key=lambda row: abs(row["risk"] - 0.5))
    assert row["risk"] == pytest.approx(0.5)
    assert row["value"] == pytest.approx(1 / 5 - 1 / 5)
    assert row["everybody"] == pytest.approx(2 / 5 - 3 / 5)
