"""Use a trained forecaster: what comes after somebody's series, with intervals."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.cancellation import in_batches
from engines.contract import InputError, Predictor, Problem, Progress, Task
from engines.data.row_sampling import listed
from engines.data.tables import safe_cell
from engines.forecasting.forecast import model_files, reading
from engines.forecasting.models import conformal, rollout
from engines.forecasting.models.fracast import QUANTILES
from engines.forecasting.models.inputs import MEDIAN
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.splits import FEWEST_SEEN
from engines.forecasting.settings import ForecastSettings
from engines.messages import _
from engines.runs import RunFolder

TOGETHER = 64  # series that are forecast at once


def load(task: Task, run: Path) -> Forecaster:
    """See `contract.Task.load`."""
    return Forecaster(run)


class Forecaster(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        self.kept = model_files.load(run)
        self.settings = ForecastSettings.parse(RunFolder(run).recipe.settings)

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """One row a step: {'file' and 'unique_id': the series, 'ds', 'step', 'value': the median, 'low', 'high': the
        80 % interval, 'quantiles': {'0.1': …}}; {'file', 'error'} for a series that is too short.

        A few series at a time: memory does not grow with their number. Raises InputError when the data cannot be read
        or are of another frequency, or when no series is long enough.
        """
        table = self.open(data)
        able = [position for position in range(len(table)) if table.lengths[position] >= FEWEST_SEEN]
        if not able:
            longest = max(table.lengths)
            found = _("the longest series has {longest} values", longest=longest)
            raise InputError(
                Problem(
                    data.name, found, _("at least {fewest_seen} are needed to forecast from", fewest_seen=FEWEST_SEEN)
                )
            )
        for position in sorted(set(range(len(table))) - set(able)):
            n = table.lengths[position]
            yield {
                "file": table.names[position],
                "error": _("has {n} values: at least {fewest_seen} are needed", n=n, fewest_seen=FEWEST_SEEN),
            }
        lacking = {position: self.lacking(table, position) for position in able} if self.kept.features else {}
        if lacking and all(lacking.values()):
            found = _("series {names} {lacking}", names=table.names[able[0]], lacking=lacking[able[0]])
            raise InputError(Problem(data.name, found, _("what is known ahead must be known for every step to come")))
        for position in able:
            if lacking.get(position):
                yield {"file": table.names[position], "error": lacking[position]}
        able = [position for position in able if not lacking.get(position)]
        for some in in_batches(able, TOGETHER, progress):
            yield from self._rows(table, some)

    def open(self, data: Path) -> SeriesTable:
        """Read as the run read its own. Raises InputError when these data lack a column that it read, or are of another
        frequency than those that were learnt from."""
        learnt = self.kept.config["frequency"]
        table = reading.open_alike(data, self.settings, self.kept.config.get("reading", {}), learnt)
        if table.frequency.name != learnt and "step" not in (learnt, table.frequency.name):
            found = _("these series are {title}", title=table.frequency.title)
            raise InputError(
                Problem(data.name, found, _("this run learnt from a frequency of {learnt}", learnt=learnt))
            )
        return table

    def unexplained(self, table: SeriesTable, position: int) -> np.ndarray:
        """float64 (T,): a series less what columns that are known ahead explain of it."""
        values = table.at(position).values
        return values - self._explained(table, position, 0)[: len(values)]

    def _explained(self, table: SeriesTable, position: int, horizon: int) -> np.ndarray:
        """float64 (T + horizon,): what is known ahead adds to each value, and to each of those to come."""
        length = table.lengths[position] + horizon
        effect = self.kept.effect(table.names[position])
        return np.zeros(length) if effect is None else effect.of(self._known(table, position, horizon))

    def _known(self, table: SeriesTable, position: int, horizon: int) -> np.ndarray:
        """float64 (T + horizon, features): the columns in the order that was learnt, nan where nothing is known. A
        text that occurs no more is nowhere."""
        length = table.lengths[position] + horizon
        here = dict(zip(table.features, table.known(position).T, strict=True))
        found = np.full((length, len(self.kept.features)), np.nan)
        for number, name in enumerate(self.kept.features):
            other = next((own for own in here if "=" in name and own.split("=")[0] == name.split("=")[0]), None)
            if name in here:
                found[: len(here[name]), number] = here[name][:length]
            elif other is not None:
                found[: len(here[other]), number] = np.where(np.isfinite(here[other]), 0.0, np.nan)[:length]
        return found

    def lacking(self, table: SeriesTable, position: int) -> str:
        """What has to be known for the steps to come and is not, in words; '' where nothing lacks."""
        effect, horizon = self.kept.effect(table.names[position]), self.kept.config["horizon"]
        needed = range(len(self.kept.features)) if self.takes_known else effect.needs() if effect else []
        if not needed:
            return ""
        known = self._known(table, position, horizon)[table.lengths[position] :]
        gone = ~np.isfinite(known[:, list(needed)])
        if not gone.any():
            return ""
        names = list(dict.fromkeys(self.kept.features[needed[i]].split("=")[0] for i in np.flatnonzero(gone.any(0))))
        steps = np.flatnonzero(gone.any(1))
        first, last = (table.starts[position] + table.lengths[position] + int(steps[i]) for i in (0, -1))
        when = _(" to ").join(dict.fromkeys(table.frequency.called(step) for step in (first, last)))
        return _(
            "needs {names} for {when}: add rows with these dates, their values left empty",
            names=listed(names),
            when=when,
        )

    @property
    def takes_known(self) -> bool:
        return bool(self.kept.features) and getattr(self.kept.model, "takes_known", False)

    def _rows(self, table: SeriesTable, chosen: Sequence[int]) -> Iterator[dict[str, Any]]:
        horizon = self.kept.config["horizon"]
        found = [table.at(position) for position in chosen]
        mixes = [self.kept.mix(series.name) for series in found]
        contexts = [self.unexplained(table, position) for position in chosen]
        known = [self._known(table, position, horizon) for position in chosen] if self.takes_known else None
        width, both = self.kept.config["context"], self.kept.both_ways_up
        raw = rollout.pooled(self.kept.model, contexts, mixes, horizon, width, known, both)
        for position, series, rows in zip(chosen, found, raw, strict=True):
            explained = self._explained(table, position, horizon)[len(series) :]
            forecast = conformal.widened(rows, self.kept.widths(series.name)) + explained[:, None]
            forecast = rollout.not_below_zero(forecast, series.values)
            for step in range(horizon):
                yield {
                    "file": series.name,
                    "unique_id": series.name,
                    "ds": table.frequency.called(series.start + len(series) + step),
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
