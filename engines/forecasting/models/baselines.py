"""What everybody should be compared with: seasonal naive, random walk, AutoETS, AutoARIMA and Theta (statsforecast)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.forecasting.models.points import filled, seasonal_naive
from engines.messages import _

if TYPE_CHECKING:
    from statsforecast.models import MSTL, AutoARIMA, AutoETS, Theta

LEVELS = [20, 40, 60, 80]
"""Central intervals, in per cent, that give the quantiles on both sides of the mean."""
FEWEST = 4
"""Values that a model can be fitted on."""
LONGEST = 2048
"""Newest values that AutoETS and Theta are fitted on."""
LONGEST_ARIMA = 256
"""AutoARIMA's time grows fast with the length."""
MOST_SEASON = 24
"""AutoETS and AutoARIMA take no longer season: there the season is taken out first (STL), as R's stlf does."""
TITLES = {
    "seasonal_naive": _("Seasonal naive"),
    "random_walk": _("Random walk"),
    "auto_ets": "AutoETS",
    "auto_arima": "AutoARIMA",
    "theta": "Theta",
}
STATISTICAL = ("auto_ets", "auto_arima", "theta")


def random_walk(context: np.ndarray, horizon: int) -> np.ndarray:
    """float64 (horizon, 9): the last value, its interval widening with the root of the distance."""
    return seasonal_naive(context, horizon, 1)


def statistical(name: str, context: np.ndarray, horizon: int, season: int) -> tuple[np.ndarray, bool]:
    """float64 (horizon, 9): one of STATISTICAL, fitted on the context, and whether that could be done: where not, it
    is the seasonal naive. So it is where nothing ever changes, which leaves nothing to fit. Missing values are
    interpolated: these models take none."""
    whole = filled(context)[-(LONGEST_ARIMA if name == "auto_arima" else LONGEST) :]
    naive = seasonal_naive(context, horizon, season)
    if np.ptp(whole) == 0 or len(whole) < FEWEST:
        return naive, len(whole) >= FEWEST
    able = season if len(whole) >= 2 * season + 1 else 1
    try:
        answer = _model(name, able, len(whole)).forecast(y=whole, h=horizon, level=LEVELS)
    except Exception:  # whatever numerical trouble a series may give statsforecast
        return naive, False
    lows = [answer[f"lo-{level}"] for level in reversed(LEVELS)]
    highs = [answer[f"hi-{level}"] for level in LEVELS]
    found = np.stack([*lows, answer["mean"], *highs], axis=1)
    return (found, True) if np.isfinite(found).all() else (naive, False)


def _model(name: str, season: int, length: int) -> Theta | MSTL | AutoETS | AutoARIMA:
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
