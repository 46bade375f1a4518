"""Intervals that hold what they promise: their widths corrected by how wide they should have been so far.

Split conformal prediction on a multiplicative score (Lei et al. 2018, 'Distribution-free predictive inference', with
the network's own widths as the local scale). In the test, each forecast is corrected with errors that were known at its
origin: those of the validation part, and those of earlier origins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.forecasting.models.fracast import QUANTILES

PAIRS = 4
"""10-90 %, 20-80 %, 30-70 % and 40-60 %: the quantiles on both sides of the median."""
SHARES = tuple(round(QUANTILES[-1 - pair] - QUANTILES[pair], 6) for pair in range(PAIRS))
MEDIAN = len(QUANTILES) // 2
FEWEST = 30
"""Scores by which a series' own width is judged; with fewer, those of all series together."""
LEAST_WIDTH = 1e-9


@dataclass(frozen=True)
class Scores:
    """How many half-widths each known value lay from the median."""

    ratios: np.ndarray
    """float64 (N, 4), one a pair of quantiles."""
    series: np.ndarray
    """int64 (N,)"""
    times: np.ndarray
    """int64 (N,): the grid step of the value; it is known at every later step."""


def scores(quantiles: np.ndarray, truth: np.ndarray, series: np.ndarray, origins: np.ndarray) -> Scores:
    """quantiles: (N, H, 9); truth: (N, H), nan where unknown; series, origins: int64 (N,), origins as grid steps."""
    median = quantiles[:, :, MEDIAN]
    ratios = np.empty((*truth.shape, PAIRS))
    for pair in range(PAIRS):
        above = truth >= median
        half = np.where(above, quantiles[:, :, -1 - pair] - median, median - quantiles[:, :, pair])
        ratios[:, :, pair] = np.abs(truth - median) / np.maximum(half, LEAST_WIDTH)
    known = np.isfinite(truth)
    steps = np.broadcast_to(np.arange(truth.shape[1]), truth.shape)
    which = np.broadcast_to(series[:, None], truth.shape)
    return Scores(ratios[known], which[known], (origins[:, None] + steps)[known])


def factors(known: Scores, series: int, horizon: int, before: int | None = None) -> np.ndarray:
    """float64 (4,): by how much to widen each pair of quantiles, from scores known before a grid step.

    The finite-sample correction of conformal prediction counts independent scores. Those of neighbouring steps are
    anything but: errors half a horizon apart count as new ones, those between them do not.
    """
    early = np.ones(len(known.times), dtype=bool) if before is None else known.times < before
    own = early & (known.series == series)
    chosen = known.ratios[own if own.sum() >= FEWEST else early]
    if not len(chosen):
        return np.ones(PAIRS)
    times = known.times[own if own.sum() >= FEWEST else early]
    independent = max(1.0, 2 * len(np.unique(times)) / horizon)
    levels = [min(1.0, share * (1 + 1 / independent)) for share in SHARES]
    return np.array([np.quantile(chosen[:, pair], level) for pair, level in enumerate(levels)])


def widened(quantiles: np.ndarray, by: np.ndarray) -> np.ndarray:
    """quantiles (…, 9) with each pair's distance from the median multiplied; by: (4,) or (…, 4)."""
    median = quantiles[..., MEDIAN : MEDIAN + 1]
    both = np.concatenate([by, np.ones((*by.shape[:-1], 1)), by[..., ::-1]], axis=-1)
    if both.ndim > 1:
        both = both[..., None, :] if both.ndim == quantiles.ndim - 1 else both
    return np.sort(median + (quantiles - median) * both, axis=-1)
