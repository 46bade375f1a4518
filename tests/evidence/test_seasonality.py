"""How much of a series is its season: of what is known to be one, and of what is none."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evidence.seasonality import strength

MONTHS = np.arange(120)


def test_a_season_on_a_trend_is_all_season() -> None:
    assert strength(np.sin(2 * np.pi * MONTHS / 12) + 0.3 * MONTHS, 12) == pytest.approx(1, abs=1e-6)


def test_half_noise_is_half_a_season() -> None:
    """A season and noise of the same variance: 1 - 1 / 2."""
    months = np.arange(12_000)
    noise = np.random.default_rng(0).normal(size=len(months))
    found = strength(np.sqrt(2) * np.sin(2 * np.pi * months / 12) + noise, 12)
    assert found == pytest.approx(0.5, abs=0.06)  # the trend that is taken away holds a twelfth of the noise


def test_a_random_walk_has_next_to_none() -> None:
    walks = [np.cumsum(np.random.default_rng(seed).normal(size=120)) for seed in range(30)]
    assert np.mean([strength(walk, 12) for walk in walks]) < 0.1


@pytest.mark.parametrize("values", [np.ones(120), np.full(120, np.nan), MONTHS[:20].astype(float)])
def test_what_has_no_two_seasons_has_none(values: np.ndarray) -> None:
    assert strength(values, 12) == 0
    assert strength(values, 1) == 0


def test_gaps_are_left_out() -> None:
    values = np.sin(2 * np.pi * MONTHS / 12)
    values[50:53] = np.nan
    assert strength(values, 12) > 0.99
