"""What everybody should be compared with: seasonal naive, random walk, AutoETS, AutoARIMA and Theta (statsforecast)."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.forecasting.inputs import last_season
from engines.forecasting.network import QUANTILES

LEVELS = [20, 40, 60, 80]
"""Central intervals, in per cent, that give the quantiles on both sides of the mean."""
LONGEST = 2048
"""Newest values that AutoETS and Theta are fitted on."""
LONGEST_ARIMA = 256
"""AutoARIMA's time grows fast with the length."""
MOST_SEASON = 24
"""AutoETS and AutoARIMA take no longer season: there the season is taken out first (STL), as R's stlf does."""
TITLES = {
    "seasonal_naive": "Seasonal naive", "random_walk": "Random walk", "auto_ets": "AutoETS",
    "auto_arima": "AutoARIMA", "theta": "Theta",
}  # fmt: skip
STATISTICAL = ("auto_ets", "auto_arima", "theta")


def seasonal_naive(context: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """float64 (horizon, 9): the last season again, with the normal intervals of its past errors."""
    point = last_season(context, season)[np.arange(horizon) % season]
    past = context[season:] - context[:-season] if len(context) > season else context - context.mean()
    deviation = float(np.sqrt(np.nanmean(past**2))) if np.isfinite(past).any() else 0.0
    cycles = np.sqrt(np.arange(horizon) // season + 1)
    return point[:, None] + _normal() * deviation * cycles[:, None]


def random_walk(context: np.ndarray, horizon: int) -> np.ndarray:
    """float64 (horizon, 9): the last value, its interval widening with the root of the distance."""
    return seasonal_naive(context, horizon, 1)


def _normal() -> np.ndarray:
    from scipy.stats import norm

    return np.asarray(norm.ppf(QUANTILES))[None]


def statistical(name: str, context: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """float64 (horizon, 9): one of STATISTICAL, fitted on the context. A model that fails there answers as the
    seasonal naive does. Missing values are interpolated: these models take none."""
    whole = filled(context)[-(LONGEST_ARIMA if name == "auto_arima" else LONGEST) :]
    if np.ptp(whole) == 0 or len(whole) < 4:
        return seasonal_naive(context, horizon, season)
    able = season if len(whole) >= 2 * season + 1 else 1
    try:
        answer = _model(name, able, len(whole)).forecast(y=whole, h=horizon, level=LEVELS)
    except Exception:  # whatever numerical trouble a series may give statsforecast
        return seasonal_naive(context, horizon, season)
    lows = [answer[f"lo-{level}"] for level in reversed(LEVELS)]
    highs = [answer[f"hi-{level}"] for level in LEVELS]
    found = np.stack([*lows, answer["mean"], *highs], axis=1)
    return found if np.isfinite(found).all() else seasonal_naive(context, horizon, season)


def _model(name: str, season: int, length: int) -> Any:
    from statsforecast.models import MSTL, AutoARIMA, AutoETS, Theta

    if name == "theta":
        return Theta(season_length=season)
    if season > MOST_SEASON:
        trend = AutoETS(model="ZZN") if name == "auto_ets" else AutoARIMA(seasonal=False)
        return MSTL(season_length=season, trend_forecaster=trend)
    if name == "auto_ets":
        return AutoETS(season_length=season)
    # orders are searched for with approximate likelihoods where R's auto.arima does so: ten times as fast
    return AutoARIMA(season_length=season, approximation=length > 150 or season > 12)


def filled(context: np.ndarray) -> np.ndarray:
    """float64 (T,): missing values interpolated along a line, the first ones dropped."""
    seen = np.flatnonzero(np.isfinite(context))
    if len(seen) == 0:
        return np.zeros(1)
    return np.interp(np.arange(seen[0], len(context)), seen, context[seen])
