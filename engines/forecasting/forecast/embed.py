"""Series as a few numbers that say what they are like: see `engines.unlabelled`."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import NoReturn

import numpy as np

from engines.contract import InputError, Problem, Progress, Skipped, Task
from engines.evidence import seasonality
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings
from engines.messages import _
from engines.unlabelled.examples import Unlabelled, drawn

FEWEST_SERIES = 8
"""With fewer, what is looked at are stretches of them."""
SHAPE, SHOWN, WEIGHT = 24, 120, 0.25
"""Points of a series' shape, values that are kept to be drawn, and a shape's point's weight against a number."""
FEWEST_VALUES = 12
ALIKE = 0.9999


def load(task: Task) -> NoReturn:
    """See `contract.Task.embedder`. Raises InputError."""
    found = _("series are looked through together, and not shown one by one")
    raise InputError(Problem(task.info.name, found, _("accepted: a task that tells classes apart")))


def look_through(
    _task: Task, data: Path, settings: ForecastSettings, seed: int, _out: Path, progress: Progress | None
) -> Unlabelled:
    """float32 (N, 30) of each series, or of each stretch of four seasons where there are fewer than FEWEST_SERIES.

    Six numbers after Wang, Smith & Hyndman 2006, 'Characteristic-based clustering for time series data' (strength of
    the season, of the trend, autocorrelation at one step and at one season, skewness, share of zeros), standardised
    over the examples; and SHAPE points of the standardised values. Level and scale make no difference. Raises
    InputError as `open_series` does.
    """
    table = open_series(data, settings)
    season = max(1, int(settings.season or table.frequency.season))
    pieces = _pieces(table, season)
    chosen = drawn(pieces, seed)
    kept, skipped = [], []
    for number, (name, values) in enumerate(chosen, 1):
        if np.isfinite(values).sum() < FEWEST_VALUES:
            skipped.append(Skipped(name, _("has fewer than {fewest_values} values", fewest_values=FEWEST_VALUES)))
        else:
            kept.append((name, _filled(values)))
        if progress:
            progress(number, len(chosen))
    numbers = np.array([_numbers(values, season) for _, values in kept]).reshape(len(kept), -1)
    numbers = (numbers - numbers.mean(0)) / numbers.std(0).clip(1e-6) if len(kept) else numbers
    shapes = np.array([_shape(values) for _, values in kept]).reshape(len(kept), -1)
    vectors = np.concatenate([numbers, WEIGHT * shapes], axis=1).astype(np.float32)
    previews = [json.dumps([round(float(v), 4) for v in values[-SHOWN:]]) for _, values in kept]
    names = [name for name, _ in kept]
    notes = (
        []
        if len(table) >= FEWEST_SERIES
        else [_("There are {table} series, so stretches of them are looked at.", table=len(table))]
    )
    return Unlabelled(
        "series", names, previews, vectors, ALIKE, len(pieces), skipped=[*table.skipped, *skipped], notes=notes
    )


def _pieces(table: SeriesTable, season: int) -> list[tuple[str, np.ndarray]]:
    if len(table) >= FEWEST_SERIES:
        return [(series.name, series.values) for series in table]
    length = max(4 * season, 2 * FEWEST_VALUES)
    found = []
    for series in table:
        for start in range(0, len(series.values) - length + 1, max(1, length // 2)):
            found.append(
                (
                    _(
                        "{name}, values {start:,} to {length:,}",
                        name=series.name,
                        start=start + 1,
                        length=start + length,
                    ),
                    series.values[start : start + length],
                )
            )
    return found


def _filled(values: np.ndarray) -> np.ndarray:
    """Gaps on a straight line between what surrounds them."""
    there = np.isfinite(values)
    found: np.ndarray = np.interp(np.arange(len(values)), np.flatnonzero(there), values[there])
    return found


def _numbers(values: np.ndarray, season: int) -> list[float]:
    spread = values.std()
    if not spread > 0:
        return [0.0] * 5 + [float((values == 0).mean())]
    z = (values - values.mean()) / spread
    steps = np.arange(len(z)) - (len(z) - 1) / 2
    trend = float(np.corrcoef(steps, z)[0, 1])
    lags = [float((z[lag:] * z[:-lag]).mean()) if 0 < lag < len(z) else 0.0 for lag in (1, season)]
    return [seasonality.strength(values, season), trend, *lags, float((z**3).mean()), float((values == 0).mean())]


def _shape(values: np.ndarray) -> np.ndarray:
    """float64 (SHAPE,): the values, standardised and averaged over so many equal parts."""
    z = (values - values.mean()) / max(values.std(), 1e-9)
    edges = np.linspace(0, len(z), SHAPE + 1).round().astype(int)
    return np.array([z[a : max(b, a + 1)].mean() if a < len(z) else z[-1] for a, b in itertools.pairwise(edges)])
