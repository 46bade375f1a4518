"""Look at somebody's series before anything trains: what was found, and what a season makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import DataReport, Progress, Task
from engines.forecasting.forecast import reading
from engines.forecasting.forecast.prepare import Prepared, split
from engines.forecasting.models.points import filled
from engines.forecasting.series.series import Series
from engines.forecasting.series.splits import HISTORY, histories
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings

SHOWN = 12
"""Series that are drawn."""
MOST_POINTS = 600
"""Of each: the newest."""


def report(
    task: Task,
    data: Path,
    settings: ForecastSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split in time. Raises InputError when nothing could be learnt from it.

    With `gallery`, small pictures of the first series are written there. Nothing is drawn by the `seed`, and a `test`
    apart is not read: time splits them.
    """
    table = open_series(data, settings, progress)
    prepared = split(table, settings, data.name)
    shown = [table.at(position) for position in prepared.usable[:SHOWN]]
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=sum(prepared.parts.values()),
        classes={},
        splits=prepared.parts,
        skipped=prepared.skipped,
        notes=prepared.notes,
        sha256=table.sha256,
        gallery=pictures(shown, gallery) if gallery else [],
        details=details(prepared, shown),
        read_as=reading.guesses(table),
    )


def details(prepared: Prepared, shown: list[Series]) -> dict[str, Any]:
    """What the page draws and asks for: columns, frequency, and the series with their seasonal decomposition."""
    table = prepared.table
    frequency = table.frequency
    low, high = histories(prepared.splits, prepared.horizon)
    newest = max(start + length - 1 for start, length in zip(table.starts, table.lengths, strict=True))
    return {
        "columns": table.columns,
        "frequency": frequency.name,
        "frequency_title": frequency.title,
        "season": prepared.season,
        "horizon": prepared.horizon,
        "n_series": len(prepared.usable),
        "budget": {"low": low, "high": high, "unit": HISTORY},
        "observed": table.observed,
        "missing": table.missing,
        "from": frequency.called(min(table.starts)),
        "to": frequency.called(newest),
        "series": [drawn(series, prepared) for series in shown],
    }


def drawn(series: Series, prepared: Prepared) -> dict[str, Any]:
    """The newest values of a series and what STL (Cleveland et al. 1990) takes them apart into."""
    frequency, season = prepared.table.frequency, prepared.season
    first = max(0, len(series) - MOST_POINTS)
    values = series.values[first:]
    found: dict[str, Any] = {
        "name": series.name,
        "ds": [frequency.called(series.start + first + i) for i in range(len(values))],
        "y": [None if not np.isfinite(value) else float(value) for value in values],
    }
    whole = filled(series.values)
    if season > 1 and len(whole) >= 2 * season + 1 and np.ptp(whole) > 0:
        from statsmodels.tsa.seasonal import STL

        parts = STL(whole[-(MOST_POINTS + 4 * season) :], period=season, robust=False).fit()
        newest = slice(-len(values), None)
        found |= {
            "trend": [float(v) for v in parts.trend[newest]],
            "seasonal": [float(v) for v in parts.seasonal[newest]],
            "rest": [float(v) for v in parts.resid[newest]],
            "seasonal_strength": strength(parts.seasonal, parts.resid),
            "trend_strength": strength(parts.trend, parts.resid),
        }
    return found


def strength(part: np.ndarray, rest: np.ndarray) -> float:
    """Between 0 and 1: how much of the series besides the rest this part makes up (Wang, Smith & Hyndman 2006)."""
    whole = float(np.var(part + rest))
    return max(0.0, 1 - float(np.var(rest)) / whole) if whole > 0 else 0.0


def pictures(shown: list[Series], out: Path) -> list[dict[str, Any]]:
    """A small picture of each series."""
    from PIL import Image, ImageDraw

    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, series in enumerate(shown):
        picture = Image.new("RGB", (192, 96), "white")
        values = series.values[-200:]
        low, high = np.nanmin(values), np.nanmax(values)
        across = np.linspace(6, 186, len(values))
        up = 88 - 80 * (values - low) / max(high - low, 1e-12)
        points = [(float(x), float(y)) for x, y in zip(across, up, strict=True) if np.isfinite(y)]
        ImageDraw.Draw(picture).line(points, fill=(90, 103, 118), width=2)
        target = out / f"{number:03d}.png"
        picture.save(target)
        rows.append({"label": series.name, "name": series.name, "thumbnail": str(target)})
    return rows
