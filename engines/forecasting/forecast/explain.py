"""Which part of the past a forecast rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.attribution import faithfulness
from engines.contract import InputError, Problem, Task
from engines.forecasting.forecast import model_files
from engines.forecasting.forecast.predict import Forecaster
from engines.forecasting.models import inputs
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.splits import FEWEST_SEEN
from engines.messages import _

METHOD = _("Integrated gradients")
STEPS = 48
STRETCHES = 48
"""Stretches of the past that are taken away to test an attribution, at most."""
AT_ONCE = 16
MOST_SERIES = 12
"""Series of a table that are explained when none is named."""


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A picture (PNG below `out`) for each of the first series in `data`, or for the one named `example`.

    Each row has 'file', 'reach' (in words), 'method', 'picture', 'completeness_error', and what the picture shows: 'ds'
    and 'values' of the context and 'attribution', what each value added to the mean of the forecast medians compared
    with a flat past, in the series' own unit; and 'faithfulness' (see `attribution.faithfulness`). Raises InputError
    when nothing can be explained.
    """
    if method not in {None, "integrated-gradients"}:
        raise InputError(Problem("method", _("found {method!r}", method=method), _("accepted: integrated-gradients")))
    forecaster = Forecaster(run)
    model_files.require_own(run, forecaster.kept)
    table = forecaster.open(data)
    chosen = list(range(min(MOST_SERIES, len(table))))
    if example is not None:
        if example not in table.names:
            raise InputError(
                Problem(example, _("this series is not in {name}", name=data.name), _("accepted: a series of the run"))
            )
        chosen = [table.names.index(example)]
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for position in chosen:
        series = table.at(position)
        if len(series) < FEWEST_SEEN:
            n = len(series)
            rows.append(
                {
                    "file": series.name,
                    "error": _("has {n} values: at least {fewest_seen} are needed", n=n, fewest_seen=FEWEST_SEEN),
                }
            )
            continue
        picture = out / f"{position:04d}.png"
        found = attribution(forecaster, table, position)
        context = found.pop("context")
        start = series.start + len(series) - len(context)
        rows.append(
            {
                "file": series.name,
                "reach": reach(found["attribution"], forecaster.kept.config["season"]),
                "method": METHOD,
                "picture": str(picture),
                "ds": [table.frequency.called(start + i) for i in range(len(context))],
                "values": [None if not np.isfinite(value) else float(value) for value in context],
                **found,
            }
        )
        draw(context, np.array(found["attribution"]), series.name, picture)
    if all("error" in row for row in rows):
        raise InputError(*(Problem(row["file"], row["error"], _("accepted: a longer series")) for row in rows[:20]))
    return rows


def attribution(forecaster: Forecaster, table: SeriesTable, position: int) -> dict[str, Any]:
    """Integrated gradients (Sundararajan et al. 2017) of the mean forecast median with respect to the past values, on
    the way from a flat past (their mean) to the real one. The scaling of the inputs is held still meanwhile. What
    columns that are known ahead explain is taken out first."""
    from captum.attr import IntegratedGradients

    kept = forecaster.kept
    width, horizon = kept.config["context"], min(kept.config["horizon"], inputs.HORIZON)
    mix = kept.mix(table.names[position])
    context = forecaster.unexplained(table, position)[-(width + max(mix)) :]
    device = next(kept.model.parameters()).device
    ways = [(share, Way(context, lag, width, device, kept.both_ways_up)) for lag, share in mix.items()]
    mean = float(np.nanmean(context))
    unit = max(float(np.nanstd(context)), 1e-12)

    def mean_median(scaled: Tensor) -> Tensor:
        """scaled: (B, T), (value - mean) / unit. Returns (B,), in units of `unit`."""
        medians = [share * way.median(kept.model, scaled * unit + mean, horizon) for share, way in ways]
        return torch.stack(medians).sum(0) / unit

    filled = np.nan_to_num(context, nan=mean)
    given = torch.tensor((filled - mean) / unit, dtype=torch.float32, device=device)[None]
    found, off = IntegratedGradients(mean_median).attribute(
        given, baselines=torch.zeros_like(given), n_steps=STEPS, internal_batch_size=8, return_convergence_delta=True
    )
    added = found[0].detach().cpu().numpy() * unit
    whole = float(np.abs(added).sum())
    odd = np.abs(filled - seasonal_mean(filled, kept.config["season"]))
    return {
        "context": context,
        "attribution": [float(value) for value in added],
        "completeness_error": abs(float(off)) * unit / max(whole, 1e-12),
        "faithfulness": tested(mean_median, given, added, odd),
    }


def tested(
    mean_median: Callable[[Tensor], Tensor], given: Tensor, added: np.ndarray, odd: np.ndarray
) -> dict[str, Any] | None:
    """Whether the forecast follows what was `added` more than it follows how odd the values are, float (T,) each.

    Stretches of the past (1, T) are taken away by making them flat, and the forecast may move from what it was by the
    series' own standard deviation (1 in the unit of `given`) before little is left of it.
    """
    stretch = np.arange(len(added)) * min(STRETCHES, len(added)) // len(added)  # (T,)

    def score(removed: np.ndarray) -> np.ndarray:
        kept = torch.from_numpy(~removed[:, stretch]).to(given)  # (M, T)
        with torch.no_grad():
            found = torch.cat([mean_median(given * some) for some in kept.split(AT_ONCE)]).double().cpu().numpy()
        return faithfulness.closeness(found - found[0], 1.0)  # of the first row nothing is taken away

    sizes = (np.bincount(stretch, np.abs(values)) for values in (added, odd))
    return faithfulness.tested(score, *sizes, named=_("distance from the seasonal mean"))


def seasonal_mean(values: np.ndarray, season: int) -> np.ndarray:
    """float (T,): the mean of all values at the same place of the season; of all, where there is no season."""
    place = np.arange(len(values)) % max(season, 1)
    return (np.bincount(place, values) / np.bincount(place))[place]


class Way:
    """One way of reading a context, as a function through which gradients flow."""

    def __init__(self, context: np.ndarray, lag: int, width: int, device: torch.device, both_ways_up: bool):
        self.lag, self.width, self.both_ways_up = lag, width, both_ways_up
        self.window = inputs.window(context, lag, width)
        self.observed = torch.from_numpy(self.window.inputs[1]).to(device)
        self.target = torch.from_numpy(inputs.prepare(self.window, np.empty(0), lag, 1.0, inputs.HORIZON)).to(device)
        places = np.where(np.isfinite(context), np.arange(len(context), dtype=float), np.nan)
        newest = inputs.last_season(places, lag)[np.arange(inputs.HORIZON) % lag] if lag else np.zeros(inputs.HORIZON)
        self.base = torch.from_numpy(newest.astype(np.int64)).to(device)

    def ask(self, model: torch.nn.Module, given: Tensor) -> Tensor:
        return inputs.both_ways_up(model, given) if self.both_ways_up else model(given)

    def median(self, model: torch.nn.Module, values: Tensor, horizon: int) -> Tensor:
        """values: (B, T). Returns the mean of the forecast median over the horizon, (B,)."""
        read = values[:, self.lag :] - values[:, : -self.lag] if self.lag else values
        read = (read[:, -self.width :] - self.window.shift) / self.window.span
        read = torch.nn.functional.pad(read, (self.width - read.shape[1], 0)) * self.observed
        given = torch.stack([read, self.observed.expand_as(read)], dim=1)  # (B, 2, W)
        target = self.target.expand(len(values), -1, -1).clone()
        centre = self.window.base[0] if self.lag else self.window.shift
        if self.lag:
            target[:, :, 1] = values[:, self.base] - centre
        return inputs.restore(self.ask(model, given), target)[:, :horizon, inputs.MEDIAN].mean(1) + centre


def reach(added: list[float], season: int) -> str:
    """In a few words, how far back the past that counts lies."""
    sizes = np.abs(np.array(added))[::-1]
    if not sizes.sum():
        return _("nothing in the past counts")
    steps = int(np.searchsorted(np.cumsum(sizes) / sizes.sum(), 0.8)) + 1
    seasons = _(" ({steps:.1f} seasons)", steps=steps / season) if season > 1 else ""
    return _("80 % rests on the last {steps} steps{seasons}", steps=steps, seasons=seasons)


def draw(context: np.ndarray, added: np.ndarray, name: str, target: Path) -> None:
    """The context as a line, and below it what each value added."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    steps = np.arange(-len(context), 0)
    above.plot(steps, context, color="#8A97A6", linewidth=1.2)
    above.set_title(name[:60], loc="left", fontsize=10)
    below.bar(steps, added, width=1.0, color=np.where(added >= 0, "#E8710A", "#3B82C4").tolist())
    below.set_xlabel(_("steps before the forecast"))
    below.set_ylabel("added")
    figure.savefig(target, dpi=110)
