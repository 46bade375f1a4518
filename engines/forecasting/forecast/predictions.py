"""Every forecast of a test as tables, for the page and for whoever takes them along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.forecasting.forecast.metrics import MEDIAN, Tested
from engines.forecasting.models.fracast import QUANTILES
from engines.forecasting.series.series import SeriesTable

MOST_HISTORY = 400
"""Values of each tested series that the page draws before and beneath the forecasts."""


def write(folder: Path, table: SeriesTable, tested: Tested, ours: np.ndarray, others: Mapping[str, np.ndarray]) -> None:
    """predictions.parquet, one row a step of each test forecast: `ours` (F, H, 9) and the medians of `others`. Errors
    are divided by `scale`."""
    f, (n, steps) = table.frequency, tested.truth.shape
    first = np.array([table.starts[series] for series in tested.series]) + tested.origins
    moments = [[f.called(position + step) for step in range(steps)] for position in first.tolist()]
    names = [table.names[series] for series in tested.series]
    columns: dict[str, Any] = {
        "file": [
            case(name, row[0], step) for name, row in zip(names, moments, strict=True) for step in range(1, steps + 1)
        ],
        "predicted": ours[:, :, MEDIAN].reshape(-1),
        "unique_id": [name for name in names for _ in range(steps)],
        "origin": [row[0] for row in moments for _ in range(steps)],
        "step": list(range(1, steps + 1)) * n,
        "ds": [moment for row in moments for moment in row],
        "y": tested.truth.reshape(-1),
        "scale": np.repeat(tested.scales, steps),
        **{f"q{quantile:g}": ours[:, :, i].reshape(-1) for i, quantile in enumerate(QUANTILES)},
        **{other: forecast[:, :, MEDIAN].reshape(-1) for other, forecast in others.items()},
    }
    _whole(columns, folder / "predictions.parquet")


def write_history(folder: Path, table: SeriesTable, tested: Tested) -> None:
    """history.parquet, the tested series' newest values."""
    history: dict[str, list[Any]] = {"unique_id": [], "ds": [], "y": []}
    for series in np.unique(tested.series).tolist():
        found = table.at(series)
        newest = range(max(0, len(found) - MOST_HISTORY), len(found))
        history["unique_id"] += [found.name] * len(newest)
        history["ds"] += [table.frequency.called(found.start + i) for i in newest]
        history["y"] += found.values[newest.start :].tolist()
    _whole(history, folder / "history.parquet")


def case(series: str, origin: str, step: int) -> str:
    """What one forecast value is called: 'passengers 1960-01-01 +3'."""
    return f"{series} {origin} +{step}"


def _whole(columns: dict[str, Any], file: Path) -> None:
    """Whole or not at all: a page may read the table while it is written anew."""
    partial = file.with_name(f".{file.name}.partial")
    pq.write_table(pa.table(columns), partial)
    partial.replace(file)
