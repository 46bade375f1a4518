"""Calibration, on numbers small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.evidence import calibration


def two_classes(right: int, wrong: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that always say class 0 by `gap`, and labels."""
    return np.tile([gap, 0.0], (right + wrong, 1)), np.repeat([0, 1], [right, wrong])


@pytest.mark.parametrize(("right", "wrong", "gap"), [(8, 2, 6.0), (8, 2, 0.4), (99, 1, 1.0), (6, 4, 3.0)])
def test_temperature_makes_the_confidence_the_share_that_is_right(right: int, wrong: int, gap: float) -> None:
    """With one gap everywhere the likeliest confidence is the share correct, half an example a class added."""
    logits, labels = two_classes(right, wrong, gap)
    found = calibration.temperature(logits, labels)
    share = (right + 0.5) / (right + wrong + 1)
    assert found == pytest.approx(gap / np.log(share / (1 - share)), rel=1e-4)
    assert calibration.probabilities(logits, found)[0, 0] == pytest.approx(share, abs=1e-4)


def test_a_set_without_a_mistake_does_not_ask_for_certainty() -> None:
    logits, labels = two_classes(10, 0, 2.0)
    found = calibration.temperature(logits, labels)
    assert calibration.probabilities(logits, found)[0, 0] == pytest.approx(10.5 / 11, abs=1e-4)


def test_logits_that_say_nothing_keep_a_finite_temperature() -> None:
    found = calibration.temperature(np.zeros((6, 3)), np.arange(6) % 3)
    assert calibration.COLDEST <= found <= calibration.HOTTEST


@given(
    st.lists(st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3), min_size=1, max_size=20),
    st.floats(calibration.COLDEST, calibration.HOTTEST),
)
def test_no_temperature_changes_an_answer(rows: list[list[float]], temperature: float) -> None:
    logits = np.array(rows, dtype=np.float32)
    found = calibration.probabilities(logits, temperature)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    best = logits.max(axis=1)
    assert (logits[np.arange(len(rows)), found.argmax(axis=1)] >= best - 1e-9).all()


def test_calibration_error_by_hand() -> None:
    """Bins (.5, .6]: two of .6, one right, gap .1; (.8, .9]: .9 and .85, both right, gap .125. Mean .1125."""
    found = calibration.calibration_error(np.array([0.6, 0.6, 0.9, 0.85]), np.array([True, False, True, True]))
    assert found.value == pytest.approx(0.1125)
    assert found.n == 4
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_reliability_by_hand() -> None:
    confidence = np.array([0.6, 0.6, 0.9, 0.85, 1.0])
    rows = calibration.reliability(confidence, np.array([True, False, True, True, False]))
    assert [(row["from"], row["to"], row["n"], row["correct"]) for row in rows] == [
        (0.5, 0.6, 2, 0.5),
        (0.8, 0.9, 2, 1.0),
        (0.9, 1.0, 1, 0.0),
    ]
    assert [row["confidence"] for row in rows] == pytest.approx([0.6, 0.875, 1.0])
    assert all(0 <= row["low"] <= row["correct"] <= row["high"] <= 1 for row in rows)


def honest(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Confidences that are true."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.5, 1, n)
    return confidence, rng.random(n) < confidence


def test_few_examples_excuse_a_large_error_and_many_do_not() -> None:
    few, many = (calibration.by_chance(honest(n)[0]) for n in (40, 4000))
    assert few > 0.15
    assert many < 0.03
    within = [calibration.calibration_error(*honest(60, seed)) for seed in range(40)]
    excused = sum(e.value <= calibration.by_chance(honest(60, seed)[0]) for seed, e in enumerate(within))
    assert excused >= 35  # of 40, at 95 %
    confidence, correct = honest(4000)
    boastful = calibration.calibration_error(np.minimum(confidence + 0.1, 1.0), correct)
    assert 0.06 < boastful.low < 0.09 < boastful.high < 0.12  # .1 too much, but never above 1


def test_the_temperature_comes_from_the_held_out_part_alone() -> None:
    test = two_classes(50, 50, 4.0)
    held_out = two_classes(80, 20, 4.0)
    found = calibration.report(*test, held_out)
    assert found["temperature"] == pytest.approx(calibration.temperature(*held_out))
    assert (found["n_validation"], found["before"]["ece"]) == (100, pytest.approx(1 / (1 + np.exp(-4)) - 0.5))
    assert found["after"]["ece"] == pytest.approx(80.5 / 101 - 0.5, abs=1e-4)
    assert found["after"]["log_loss"] < found["before"]["log_loss"]


def test_without_a_held_out_part_nothing_is_scaled() -> None:
    found = calibration.report(*two_classes(3, 1, 2.0), None)
    assert (found["temperature"], found["n_validation"], found["after"]) == (1.0, 0, None)
    assert found["before"]["bins"][0]["n"] == 4
