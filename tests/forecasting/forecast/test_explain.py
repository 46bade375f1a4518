"""Whether an explained past is the past that a forecast rests on: on forecasts whose rule is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.forecasting.forecast import explain

PAST = 96


def of_the_last_season(values: Tensor) -> Tensor:
    """(B, T) -> (B,): twelve steps, twice what they were."""
    return 2 * values[:, -12:].mean(1)


def test_the_season_it_copies_is_faithful_and_what_is_odd_is_not() -> None:
    values = torch.ones(1, PAST)
    odd = np.zeros(PAST)
    odd[:48] = 1.0  # far from the seasonal mean where the forecast does not look
    added = np.zeros(PAST)
    added[-12:] = 2 / 12
    found = explain.tested(of_the_last_season, values, added, odd)
    assert found is not None
    assert found["faithful"]
    assert found["units"] == explain.STRETCHES
    wrong = explain.tested(of_the_last_season, values, odd, odd)
    assert wrong is not None
    assert not wrong["faithful"]


def test_the_seasonal_mean_is_that_of_each_place_in_the_season() -> None:
    assert explain.seasonal_mean(np.array([1.0, 10.0, 3.0, 20.0, 5.0]), 2).tolist() == [3, 15, 3, 15, 3]
    assert explain.seasonal_mean(np.array([1.0, 2.0, 6.0]), 1) == pytest.approx([3, 3, 3])
