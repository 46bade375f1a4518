"""Quantiles around a point: the last season again, and what an estimator of sktime says.

An exported model that is asked through sktime carries this file along.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.forecasting.models.fracast import QUANTILES
from engines.forecasting.models.inputs import MEDIAN, last_season


def seasonal_naive(context: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """float64 (horizon, 9): the last season again, with the normal intervals of its past errors."""
    point = last_season(context, season)[np.arange(horizon) % season]
    past = context[season:] - context[:-season] if len(context) > season else context - context.mean()
    deviation = float(np.sqrt(np.nanmean(past**2))) if np.isfinite(past).any() else 0.0
    cycles = np.sqrt(np.arange(horizon) // season + 1)
    return point[:, None] + _normal() * deviation * cycles[:, None]


def _normal() -> np.ndarray:
    from scipy.stats import norm

    return np.asarray(norm.ppf(QUANTILES))[None]


def of_estimator(
    estimator: Any, context: np.ndarray, horizon: int, season: int, known: np.ndarray | None = None
) -> np.ndarray:
    """float64 (horizon, 9): what an sktime estimator says after `context` (float64 (T,), nan where missing), with a
    seasonal naive's spread around it. `known`: columns that are known ahead, float64 (T + horizon, K)."""
    import pandas as pd

    whole = filled(context)
    spread = seasonal_naive(context, horizon, season)
    index = pd.period_range("1900-01-01", periods=len(whole) + horizon, freq="D")
    past = ahead = None
    if known is not None:
        X = pd.DataFrame(complete(known)[-len(index) :], index=index).add_prefix("x")
        past, ahead = X.iloc[: len(whole)], X.iloc[len(whole) :]
    y = pd.Series(whole, index=index[: len(whole)])
    point = estimator.fit(y, X=past, fh=range(1, horizon + 1)).predict(X=ahead).to_numpy(dtype=float).ravel()
    return np.asarray(point[:, None] + spread - spread[:, MEDIAN : MEDIAN + 1])


def complete(known: np.ndarray) -> np.ndarray:
    """Known columns (T, K) with each missing value taken for its column's mean: sktime takes none."""
    seen = np.isfinite(known)
    mean = np.where(seen, known, 0.0).sum(0) / np.maximum(seen.sum(0), 1)
    return np.where(seen, known, mean)


def filled(context: np.ndarray) -> np.ndarray:
    """float64 (T,): missing values interpolated along a line, the first ones dropped."""
    seen = np.flatnonzero(np.isfinite(context))
    if len(seen) == 0:
        return np.zeros(1)
    return np.interp(np.arange(seen[0], len(context)), seen, context[seen])
