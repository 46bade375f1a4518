"""How much of a series is its season."""

from __future__ import annotations

import numpy as np


def strength(values: np.ndarray, season: int) -> float:
    """The strength of the season in float (T,), nan where nothing was observed: 1 of a pure season, 0 of none, such as
    a random walk's.

    1 - var(remainder) / var(season + remainder), once the trend, a centred mean over one season, is taken away (Wang,
    Smith & Hyndman 2006, 'Characteristic-based clustering for time series data'); the season is each phase's mean. What
    that explains of pure chance is taken off, so that many phases on few values are not taken for a season. 0 where
    there are no two whole seasons.
    """
    if season < 2 or len(values) < 3 * season:
        return 0.0
    detrended = values - trend(values, season)
    phases = np.arange(len(values)) % season
    there = np.isfinite(detrended)
    detrended, phases = detrended[there], phases[there]
    if len(detrended) < 2 * season or not detrended.var() > 0:
        return 0.0
    counts = np.bincount(phases, minlength=season).clip(1)
    means = np.bincount(phases, detrended, minlength=season) / counts
    left = ((detrended - means[phases]) ** 2).sum() / max(1, len(detrended) - season)
    return float(np.clip(1 - left / detrended.var(ddof=1), 0, 1))


def trend(values: np.ndarray, season: int) -> np.ndarray:
    """float (T,): the centred mean over one season, its ends counting half where that is even; nan at both ends."""
    window = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    found = np.full(len(values), np.nan)
    half = len(window) // 2
    found[half : len(values) - half] = np.convolve(values, window / window.sum(), "valid")
    return found
