"""The curve over learning blocks: exact intervals over seeds, and no depth picked by looking."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from engines.evidence import depth_curve


def test_a_point_is_the_mean_with_its_t_interval_and_is_paired_with_the_frozen_backbone() -> None:
    frozen, one = np.array([0.5, 0.6, 0.7]), np.array([0.6, 0.72, 0.78])
    first, second = depth_curve.points({1: one, 0: frozen})
    around = t.ppf(0.975, 2) * 0.1 / np.sqrt(3)
    assert (first["blocks"], first["seeds"]) == (0, 3)
    assert (first["mean"], first["low"], first["high"]) == pytest.approx((0.6, 0.6 - around, 0.6 + around))
    assert "ahead" not in first
    paired = t.ppf(0.975, 2) * 0.02 / np.sqrt(3)
    assert (second["ahead"], second["ahead_low"]) == pytest.approx((0.1, 0.1 - paired))


def test_more_looks_take_wider_intervals() -> None:
    scores = {0: np.array([0.5, 0.6, 0.7]), 1: np.array([0.6, 0.72, 0.78])}
    alone = depth_curve.points(scores)[1]
    many = depth_curve.points(scores | dict.fromkeys(range(2, 9), scores[1]))[1]
    assert many["ahead"] == alone["ahead"]
    assert many["ahead_low"] < alone["ahead_low"]
    assert (many["low"], many["high"]) == (alone["low"], alone["high"])


def test_two_seeds_make_no_band() -> None:
    with pytest.raises(ValueError, match="a band needs 3"):
        depth_curve.points({0: np.array([0.5, 0.6])})


def test_noise_is_not_called_a_depth_that_pays() -> None:
    """Of 200 curves whose points all have one truth, at most 10 % say anything (Bonferroni promises 5 %)."""
    rng = np.random.default_rng(0)
    curves = [depth_curve.points({b: rng.normal(0.8, 0.03, 5) for b in range(9)}) for _ in range(200)]
    said = ["can be told from" not in depth_curve.sentence(found, 50, "photographs") for found in curves]
    assert np.mean(said) <= 0.1


def test_the_sentence_says_what_is_ahead_and_what_is_behind() -> None:
    base = np.array([0.5, 0.51, 0.52])
    found = depth_curve.points({0: base, 1: base + 0.2, 2: base - 0.2})
    told = depth_curve.sentence(found, 50, "photographs")
    assert "Letting 1 block learn beats the frozen backbone; letting 2 blocks learn loses to" in told
    assert "picks no depth" in told
