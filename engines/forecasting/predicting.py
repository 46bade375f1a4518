"""Use a trained forecaster: what comes after somebody's series, with intervals."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem
from engines.data.tables import safe_cell
from engines.forecasting import calibrating, keeping, rolling
from engines.forecasting.dates import written
from engines.forecasting.inputs import MEDIAN
from engines.forecasting.network import QUANTILES
from engines.forecasting.reading import open_series
from engines.forecasting.series import SeriesTable
from engines.forecasting.settings import ForecastSettings
from engines.forecasting.splitting import FEWEST_SEEN
from engines.runs import RunFolder

TOGETHER = 64  # series that are forecast at once


class Forecaster:
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        self.kept = keeping.load(run)
        self.settings = ForecastSettings.parse(RunFolder(run).recipe.settings)

    def predict(self, data: Path) -> list[dict[str, Any]]:
        """One row a step: {'file' and 'unique_id': the series, 'ds', 'step', 'value': the median, 'low', 'high': the
        80 % interval, 'quantiles': {'0.1': …}}; {'file', 'error'} for a series that is too short.

        Raises InputError when the data cannot be read or are of another frequency, or when no series is long enough.
        """
        return list(self.stream(data))

    def stream(self, data: Path) -> Iterator[dict[str, Any]]:
        """The rows of `predict`, a few series at a time: memory does not grow with their number."""
        table = self.open(data)
        able = [position for position in range(len(table)) if table.lengths[position] >= FEWEST_SEEN]
        if not able:
            longest = max(table.lengths)
            found = f"the longest series has {longest} values"
            raise InputError(Problem(data.name, found, f"at least {FEWEST_SEEN} are needed to forecast from"))
        for position in sorted(set(range(len(table))) - set(able)):
            n = table.lengths[position]
            yield {"file": table.names[position], "error": f"has {n} values: at least {FEWEST_SEEN} are needed"}
        for start in range(0, len(able), TOGETHER):
            yield from self._rows(table, able[start : start + TOGETHER])

    def open(self, data: Path) -> SeriesTable:
        """Raises InputError when these data are of another frequency than those that were learnt from."""
        table = open_series(data, self.settings)
        learnt = self.kept.config["frequency"]
        if table.frequency.name != learnt and "step" not in (learnt, table.frequency.name):
            found = f"these series are {table.frequency.title}"
            raise InputError(Problem(data.name, found, f"this run learnt from a frequency of {learnt}"))
        return table

    def _rows(self, table: SeriesTable, chosen: list[int]) -> Iterator[dict[str, Any]]:
        horizon = self.kept.config["horizon"]
        found = [table.at(position) for position in chosen]
        mixes = [self.kept.mix(series.name) for series in found]
        contexts = [series.values for series in found]
        raw = rolling.pooled(self.kept.model, contexts, mixes, horizon, self.kept.config["context"])
        for series, rows in zip(found, raw, strict=True):
            forecast = calibrating.widened(rows, self.kept.widths(series.name))
            for step in range(horizon):
                position = series.start + len(series) + step
                moment = table.frequency.moment(position)
                yield {
                    "file": series.name,
                    "unique_id": series.name,
                    "ds": str(moment) if table.frequency.unit == "step" else written(moment),
                    "step": step + 1,
                    "value": float(forecast[step, MEDIAN]),
                    "low": float(forecast[step, 0]),
                    "high": float(forecast[step, -1]),
                    "quantiles": {f"{q:g}": float(v) for q, v in zip(QUANTILES, forecast[step], strict=True)},
                }

    def write(self, data: Path, out: Path) -> int:
        """The rows of `predict` as a CSV (unique_id, ds, 0.1 … 0.9), streamed; returns how many. Raises InputError."""
        count = 0
        with out.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["unique_id", "ds", *(f"q{q:g}" for q in QUANTILES)])
            for row in self.stream(data):
                if "error" not in row:
                    table.writerow([safe_cell(row["unique_id"]), row["ds"], *row["quantiles"].values()])
                    count += 1
        return count
