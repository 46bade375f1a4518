"""Fracast as an sktime forecaster: zero-shot or fine-tuned, with quantiles, missing values and any number of series.

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
from sktime.forecasting.base import BaseForecaster

from engines.forecasting import calibrating, inputs, rolling
from engines.forecasting.network import HORIZON, QUANTILES, Fracast

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

    Examples
    --------
    >>> from engines.forecasting.forecaster import FracastForecaster
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
        "capability:exogenous": False,
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
    ):
        self.weights = weights
        self.lags = lags
        self.shares = shares
        self.steps = steps
        self.learning_rate = learning_rate
        self.context = context
        self.widths = widths
        self.random_state = random_state
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
            weights=weights, lags=[int(lag) for lag in mix], shares=list(mix.values()), context=config["context"],
            widths=widths,
        )  # fmt: skip

    def _fit(self, y: pd.Series, X: Any, fh: Any) -> FracastForecaster:
        self.model_ = Fracast()
        self.model_.load_state_dict(load_file(self.weights or pretrained()))
        if self.steps:
            fine_tune(
                self.model_, y.to_numpy(dtype=float), list(self.lags), self.context, self.steps, self.learning_rate,
                int(self.random_state or 0),
            )  # fmt: skip
        self.model_.eval()
        self.context_ = y
        return self

    def _update(self, y: pd.Series, X: Any = None, update_params: bool = True) -> FracastForecaster:
        """New values join the context; the weights stay as they are."""
        self.context_ = y.combine_first(self.context_)
        return self

    def _quantiles(self, fh: Any) -> np.ndarray:
        """float64 (len(fh), 9)"""
        ahead = fh.to_relative(self.cutoff).to_numpy().astype(int)
        context = self.context_.to_numpy(dtype=float)
        shares = self.shares or [1 / len(self.lags)] * len(self.lags)
        mix = dict(zip(self.lags, shares, strict=True))
        found = rolling.pooled(self.model_, [context], [mix], int(ahead.max()), self.context)[0]
        if self.widths is not None:
            found = calibrating.widened(found, np.array(self.widths, dtype=float))
        return np.asarray(found[ahead - 1])

    def _predict(self, fh: Any, X: Any = None) -> pd.Series:
        index = fh.to_absolute_index(self.cutoff)
        return pd.Series(self._quantiles(fh)[:, MEDIAN], index=index, name=self.context_.name)

    def _predict_quantiles(self, fh: Any, X: Any, alpha: list[float]) -> pd.DataFrame:
        found = self._quantiles(fh)
        name = self._get_varnames()[0]
        columns = {(name, level): between(found, level) for level in alpha}
        return pd.DataFrame(columns, index=fh.to_absolute_index(self.cutoff))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Settings for sktime's own tests."""
        return [{"context": 64}, {"context": 64, "lags": [0, 1], "steps": 1}]


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
