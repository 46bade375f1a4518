"""What a forecaster's test and curves suggest to train next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engines.contract import Strategy
from engines.forecasting.forecast.summary import advise
from engines.forecasting.models.catalogue import FRACAST
from engines.forecasting.settings import ForecastSettings
from engines.training.overfitting import Fit, Reading


@pytest.mark.parametrize(
    ("strategy", "reading", "naive", "expected"),
    [
        (Strategy.PARTIAL, "by heart", 2.0, ("The curves say so: train less of the network.", "features", {})),
        (
            *(Strategy.FEATURES, "by heart", 2.0),
            ("The curves say so: more history would help most. Letting more of the network learn would not.", None, {}),
        ),
        (
            *(Strategy.PARTIAL, "still improving", 2.0),
            ("The curves say so. Let it go on for twice as long.", "partial", {"epochs": 24}),
        ),
        (*(Strategy.FEATURES, "fine", 2.0), ("There may be more in it: let the decoder learn too.", "partial", {})),
    ],
)
def test_what_follows(
    strategy: Strategy, reading: Reading, naive: float, expected: tuple[str, str | None, dict[str, Any]]
) -> None:
    spec = SimpleNamespace(card=FRACAST, settings=ForecastSettings())
    trial = SimpleNamespace(spec=spec, strategy=strategy, outcome=SimpleNamespace(share=1.0))
    fit = Fit(reading, "The curves say so.", 0.1, "loss", 1.0)
    found = advise(trial, {"own": 1.0, "seasonal_naive": naive}, fit)  # type: ignore[arg-type]
    assert found is not None
    assert tuple(found.values()) == expected
