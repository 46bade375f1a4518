"""Forecasters from the hub, asked through sktime's own estimators: TinyTimeMixer, Chronos-Bolt, TimesFM.

They are used as they come (zero-shot). What gives a point only gets a seasonal naive's spread around it, which the
calibration then corrects. Their weights stay where the hub's cache keeps them.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from engines import places
from engines.contract import InputError, ModelCard, Problem
from engines.forecasting.baselines import filled, seasonal_naive
from engines.forecasting.network import QUANTILES
from engines.training.staged import Staged

MEDIAN = len(QUANTILES) // 2
ESTIMATORS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ttm-r2": ("sktime.forecasting.ttm", "TinyTimeMixerForecaster", {"fit_strategy": "zero-shot"}),
    "chronos-bolt-small": ("sktime.forecasting.chronos", "ChronosForecaster", {"seed": 0}),
    "timesfm-2.5": ("sktime.forecasting.timesfm2", "TimesFM2Forecaster", {}),
}
"""Catalogue name -> module, class and parameters beside the place of its weights."""


class Borrowed(nn.Module):
    """A model behind an sktime estimator. It has no parameters of its own: nothing of it learns here."""

    def __init__(self, card: ModelCard, season: int):
        super().__init__()
        self.card, self.season = card, season

    def forecast(self, contexts: Sequence[np.ndarray], horizon: int) -> np.ndarray:
        """float64 (N, horizon, 9). Raises InputError when sktime cannot load or run the model."""
        return np.stack([self._one(context, horizon) for context in contexts])

    def _one(self, context: np.ndarray, horizon: int) -> np.ndarray:
        import pandas as pd

        whole = filled(context)
        spread = seasonal_naive(context, horizon, self.season)
        spread = spread - spread[:, MEDIAN : MEDIAN + 1]
        index = pd.period_range("1900-01-01", periods=len(whole), freq="D")
        y = pd.Series(whole, index=index)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                estimator = estimator_of(self.card)
                point = estimator.fit(y, fh=range(1, horizon + 1)).predict().to_numpy(dtype=float).ravel()
        except Exception as error:  # whatever a model of somebody else's raises while it is loaded or asked
            found = f"sktime could not run it ({type(error).__name__}: {str(error).splitlines()[0][:120]})"
            accepted = "choose another model, or install what it needs"
            raise InputError(Problem(f"model {self.card.name}", found, accepted)) from error
        return np.asarray(point[:, None] + spread)


def estimator_of(card: ModelCard) -> Any:
    """The sktime estimator of a catalogue entry, its weights in HEADSTART_MODELS or on the hub."""
    import importlib

    module, name, parameters = ESTIMATORS[card.name]
    prepared = places.models()
    folder = prepared / card.name if prepared is not None else None
    where = str(folder) if folder is not None and (folder / "config.json").is_file() else card.hub
    return getattr(importlib.import_module(module), name)(model_path=where, **parameters)


def network(card: ModelCard, season: int) -> Staged:
    """The model in the form in which everything here is asked."""
    return Staged(Borrowed(card, season), [], lambda: nn.Linear(1, 1))


def is_borrowed(card: ModelCard) -> bool:
    return card.name in ESTIMATORS
