"""Fracast as an sktime forecaster: zero-shot or fine-tuned, with quantiles, missing values, any number of series, and
columns that are known ahead.

It needs torch, safetensors, numpy, pandas and sktime; not Headstart. An exported model carries this file along.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from engines.forecasting.models import conformal, covariate_regression, inputs, rollout
from engines.forecasting.models.fracast import HORIZON, QUANTILES, Fracast

MEDIAN = QUANTILES.index(0.5)


class FracastForecaster(BaseForecaster):
    """Forecasts with Fracast-0, a pretrained network of 85,001 parameters.

    Parameters
    ----------
    weights : str or None
        A safetensors file; None for the pretrained weights of the installed package ``fracast``.
    lags : list of int
        What the network reads: 0 for the values, k for their differences from k steps before (1 takes a trend away,
        the length of the season takes trend and season away). With several, forecasts are averaged.
    shares : list of float or None
        The weight of each lag in that average; None for equal ones.
    steps : int
        Fine-tuning steps on windows of the series that ``fit`` is given; 0 leaves the weights as they are.
    learning_rate : float
        Of AdamW, while fine-tuning.
    context : int
        Past values that the network sees.
    widths : list of four floats or None
        Corrections of the 80, 60, 40 and 20 % intervals; None leaves them as the network gives them.
    random_state : int
        Draws the windows.
    both_ways_up : bool
        Also reads each window upside down and takes the mean: twice the time, a little less error.
    features : list of str or None
        The columns of X that ``effect`` is about.
    effect : dict or None
        What they explain of the series (see ``regression.Effect``); the network forecasts the rest. None: where ``fit``
        is given an X, that is fitted, on differences from ``max(lags)`` steps before.

    Examples
    --------
    >>> from engines.forecasting.models.sktime_forecaster import FracastForecaster
    >>> from sktime.datasets import load_airline
    >>> forecaster = FracastForecaster(lags=[0, 12])
    >>> forecaster.fit(load_airline(), fh=[1, 2, 3]).predict().shape
    (3,)
    """

    _tags = {  # noqa: RUF012  (sktime reads it so)
        "authors": ["headstart"],
        "python_dependencies": ["torch", "safetensors"],
        "y_inner_mtype": "pd.Series",
        "X_inner_mtype": "pd.DataFrame",
        "scitype:y": "univariate",
        "capability:exogenous": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": True,
        "capability:random_state": True,
        "capability:update": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
    }

    def __init__(
        self,
        weights: str | None = None,
        lags: tuple[int, ...] | list[int] = (0,),
        shares: list[float] | None = None,
        steps: int = 0,
        learning_rate: float = 1e-4,
        context: int = 512,
        widths: list[float] | None = None,
        random_state: int = 0,
        both_ways_up: bool = False,
        features: list[str] | None = None,
        effect: dict[str, Any] | None = None,
    ):
        self.weights = weights
        self.lags = lags
        self.shares = shares
        self.steps = steps
        self.learning_rate = learning_rate
        self.context = context
        self.widths = widths
        self.random_state = random_state
        self.both_ways_up = both_ways_up
        self.features = features
        self.effect = effect
        with warnings.catch_warnings():  # sktime 1.2 announces at every start that a default will change in 1.3
            warnings.filterwarnings("ignore", message="The default of config ``remember_data``")
            super().__init__()

    @classmethod
    def from_folder(cls, folder: str, series: str | None = None) -> FracastForecaster:
        """The forecaster of an exported run; with `series`, what was chosen for the series of that name."""
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        mix = config["mixes"].get(series, config["mix"])
        widths = config["widths"].get(series, config["width_of_all"])
        weights = str(Path(folder) / "model.safetensors")
        return cls(
            weights=weights,
            lags=[int(lag) for lag in mix],
            shares=list(mix.values()),
            context=config["context"],
            widths=widths,
            both_ways_up=config.get("both_ways_up", False),
            features=config.get("features") or None,
            effect=config.get("effects", {}).get(series),
        )

    def _fit(self, y: pd.Series, X: pd.DataFrame | None, fh: ForecastingHorizon) -> FracastForecaster:
        self.model_ = Fracast()
        self.model_.load_state_dict(load_file(self.weights or pretrained()))
        self.context_, self.known_ = y, X
        self.effect_ = self._effect(y, X)
        if self.steps:
            fine_tune(
                self.model_,
                self._unexplained(),
                list(self.lags),
                self.context,
                self.steps,
                self.learning_rate,
                int(self.random_state or 0),
            )
        self.model_.eval()
        return self

    def _effect(self, y: pd.Series, X: pd.DataFrame | None) -> covariate_regression.Effect | None:
        """What X explains of y: as it was given, or fitted. Raises ValueError for an X without a column it needs."""
        if self.effect is not None:
            lacking = [name for name in self.features or [] if X is None or name not in X.columns]
            if lacking:
                raise ValueError(f"X must have the columns {', '.join(lacking)}, which are known ahead")
            return covariate_regression.Effect(**self.effect)
        if X is None or not len(X.columns):
            return None
        values, known = y.to_numpy(dtype=float), X.to_numpy(dtype=float)
        return covariate_regression.fit(values, known, 3 * len(y) // 4, len(y), max(1, *self.lags))

    def _of(self, X: pd.DataFrame | None) -> np.ndarray | float:
        """What the columns add at each step of X, (T,)."""
        if self.effect_ is None:
            return 0.0
        if X is None:
            raise ValueError("X is needed for the steps to come: its columns were known when this was fitted")
        return self.effect_.of((X[self.features] if self.features else X).to_numpy(dtype=float))

    def _unexplained(self) -> np.ndarray:
        """float64 (T,): the series without what X explains."""
        return np.asarray(self.context_.to_numpy(dtype=float) - self._of(self.known_))

    def _update(self, y: pd.Series, X: pd.DataFrame | None = None, update_params: bool = True) -> FracastForecaster:
        """New values join the context; the weights stay as they are."""
        self.context_ = y.combine_first(self.context_)
        if self.known_ is not None and X is not None:
            self.known_ = X.combine_first(self.known_)[list(self.known_.columns)]
        return self

    def _quantiles(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> np.ndarray:
        """float64 (len(fh), 9)"""
        ahead = fh.to_relative(self.cutoff).to_numpy().astype(int)
        context = self._unexplained()
        shares = self.shares or [1 / len(self.lags)] * len(self.lags)
        mix = dict(zip(self.lags, shares, strict=True))
        found = rollout.pooled(
            self.model_, [context], [mix], int(ahead.max()), self.context, both_ways_up=self.both_ways_up
        )[0]
        if self.widths is not None:
            found = conformal.widened(found, np.array(self.widths, dtype=float))
        added = self._of(None if X is None else X.loc[fh.to_absolute_index(self.cutoff)])
        whole = found[ahead - 1] + np.reshape(added, (-1, 1))
        return np.asarray(rollout.not_below_zero(whole, self.context_.to_numpy(dtype=float)))

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None = None) -> pd.Series:
        index = fh.to_absolute_index(self.cutoff)
        return pd.Series(self._quantiles(fh, X)[:, MEDIAN], index=index, name=self.context_.name)

    def _predict_quantiles(self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]) -> pd.DataFrame:
        found = self._quantiles(fh, X)
        name = self._get_varnames()[0]
        columns = {(name, level): between(found, level) for level in alpha}
        return pd.DataFrame(columns, index=fh.to_absolute_index(self.cutoff))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003  (sktime asks for sets by name)
        """Settings for sktime's own tests."""
        return [{"context": 64}, {"context": 64, "lags": [0, 1], "steps": 1, "both_ways_up": True}]


def pretrained() -> str:
    """The weight file of the installed package fracast. Raises FileNotFoundError when it is not installed."""
    spec = importlib.util.find_spec("fracast")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("install the package fracast, or give `weights`")
    return str(Path(next(iter(spec.submodule_search_locations))) / "weights" / "model.safetensors")


def between(found: np.ndarray, level: float) -> np.ndarray:
    """A quantile between the nine that there are; beyond them, the outermost interval with a normal's tails."""
    if QUANTILES[0] <= level <= QUANTILES[-1]:
        return np.array([np.interp(level, QUANTILES, row) for row in found])
    from scipy.stats import norm

    outer = 0 if level < 0.5 else -1
    return np.asarray(
        found[:, MEDIAN] + (found[:, outer] - found[:, MEDIAN]) * norm.ppf(level) / norm.ppf(QUANTILES[outer])
    )


def fine_tune(
    model: Fracast, values: np.ndarray, lags: list[int], context: int, steps: int, learning_rate: float, seed: int
) -> None:
    """A few steps of AdamW on windows of one series, in place. A series without room for a window changes nothing."""
    fewest = max(lags) + 8
    origins = np.arange(fewest, len(values) - 1)
    past = np.abs(np.diff(values))
    scale = float(np.nanmean(past)) if np.isfinite(past).any() else 0.0
    if not len(origins) or scale <= 0:
        return
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    rng = np.random.default_rng(seed)
    model.train()
    for _ in range(steps):
        given, targets = [], []
        for origin, lag in zip(rng.choice(origins, 8), rng.choice(lags, 8).tolist(), strict=True):
            window = inputs.window(values[max(0, origin - context - lag) : origin], lag, context)
            given.append(window.inputs)
            targets.append(inputs.prepare(window, values[origin : origin + HORIZON], lag, scale, HORIZON))
        loss = inputs.pinball(model(torch.from_numpy(np.stack(given))), torch.from_numpy(np.stack(targets)))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
