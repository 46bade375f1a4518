"""The test: every model forecasts from the same points in time, knowing only what lay before them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from engines.contract import Run, Strategy
from engines.evidence.scores import Means
from engines.forecasting.forecast.metrics import Tested
from engines.forecasting.forecast.prepare import Prepared, scale
from engines.forecasting.forecast.training.train import TrainOutcome
from engines.forecasting.forecast.training.train_spec import TrainSpec
from engines.forecasting.models import baselines, conformal, hub_models, rollout
from engines.forecasting.models.conformal import Scores
from engines.forecasting.models.rollout import InputWeights
from engines.forecasting.series.series import SeriesTable
from engines.messages import _
from engines.training.checkpoint import Progress
from engines.training.examples import Pace

CALIBRATED_ON = 40
"""Validation origins of a series whose errors correct the first intervals."""


@dataclass
class ForecastTrial:
    """One strategy, trained and asked from every test origin."""

    spec: TrainSpec
    strategy: Strategy
    outcome: TrainOutcome
    forecast: np.ndarray
    """float64 (F, H, 9)"""
    interval_scores: Scores
    """By which the intervals of forecasts to come are corrected."""
    scores: Means

    @property
    def progress(self) -> Progress:
        return self.outcome.progress

    @property
    def trainable(self) -> int:
        return self.outcome.trainable

    @property
    def parameters(self) -> int:
        card = self.spec.card
        if hub_models.is_borrowed(card):  # its weights are sktime's
            return card.parameters
        return sum(p.numel() for p in self.outcome.network.model.parameters())

    @property
    def seconds(self) -> float:
        return self.outcome.seconds

    def state(self) -> dict[str, Tensor]:
        return {name: p.detach().cpu() for name, p in self.outcome.network.trainable().items()}


def cases(prepared: Prepared, chosen: list[int]) -> Tested:
    """Every test origin of the chosen series."""
    p = prepared
    series, origins, truth, scales = [], [], [], []
    for position in chosen:
        split = p.splits[position]
        assert split is not None
        values = p.table.at(position).values
        for origin in split.origins:
            series.append(position)
            origins.append(origin)
            truth.append(values[origin : origin + p.horizon])
            own = scale(values[:origin], p.season)
            scales.append(own if np.ptp(values[:origin][np.isfinite(values[:origin])]) > 0 else np.nan)
    return Tested(np.array(series), np.array(origins), np.stack(truth), np.array(scales))


def contexts(table: SeriesTable, tested: Tested) -> list[np.ndarray]:
    """What is known at each test origin."""
    values = {series: table.at(series).values for series in np.unique(tested.series).tolist()}
    return [
        values[series][:origin] for series, origin in zip(tested.series.tolist(), tested.origins.tolist(), strict=True)
    ]


def forecast(
    model: nn.Module,
    prepared: Prepared,
    tested: Tested,
    mixes: list[InputWeights],
    width: int,
    both_ways_up: bool = True,
) -> tuple[np.ndarray, Scores]:
    """float64 (F, H, 9): a network's forecasts, their intervals calibrated; and all scores there are now."""
    raw = ask(model, prepared, tested, mixes, width, both_ways_up)
    chosen = np.unique(tested.series).tolist()
    before = validation_scores(model, prepared, chosen, mixes, width, both_ways_up)
    found, known = calibrated(raw, prepared, tested, before)
    seen = contexts(prepared.table, tested)
    return np.stack([rollout.not_below_zero(*pair) for pair in zip(found, seen, strict=True)]), known


def ask(
    model: nn.Module,
    prepared: Prepared,
    tested: Tested,
    mixes: list[InputWeights],
    width: int,
    both_ways_up: bool = True,
) -> np.ndarray:
    """float64 (F, H, 9): a network's forecasts, not calibrated, with what is known ahead added."""
    p, asked = prepared, list(zip(tested.series.tolist(), tested.origins.tolist(), strict=True))
    own = [mixes[series] for series, _ in asked]
    known = beside(p, model, asked)
    found = rollout.pooled(model, contexts(p.read, tested), own, p.horizon, width, known, both_ways_up)
    explained = {series: p.explained(series) for series in np.unique(tested.series).tolist()}
    return found + np.stack([explained[series][origin : origin + p.horizon] for series, origin in asked])[:, :, None]


def beside(prepared: Prepared, model: nn.Module, asked: list[tuple[int, int]]) -> list[np.ndarray] | None:
    """For a model that takes columns that are known ahead itself: those of each (series, origin), (origin + H, K)."""
    if not (getattr(model, "takes_known", False) and prepared.table.features):
        return None
    every = {series: prepared.table.known(series) for series, _ in asked}
    return [every[series][: origin + prepared.horizon] for series, origin in asked]


def validation_scores(
    model: nn.Module,
    prepared: Prepared,
    chosen: list[int],
    mixes: list[InputWeights],
    width: int,
    both_ways_up: bool = True,
) -> Scores:
    """How far off the network's intervals were on the validation part."""
    p = prepared
    known, own, truth, series, origins, asked = [], [], [], [], [], []
    for position in chosen:
        split = p.splits[position]
        assert split is not None
        found = p.read.at(position)
        for origin in split.checks(p.horizon)[-CALIBRATED_ON:]:
            asked.append((position, origin))
            known.append(found.values[:origin])
            own.append(mixes[position])
            truth.append(found.values[origin : origin + p.horizon])
            series.append(position)
            origins.append(found.start + origin)
    forecast = rollout.pooled(model, known, own, p.horizon, width, beside(p, model, asked), both_ways_up)
    return conformal.scores(forecast, np.stack(truth), np.array(series), np.array(origins))


def calibrated(raw: np.ndarray, prepared: Prepared, tested: Tested, validation: Scores) -> tuple[np.ndarray, Scores]:
    """The test forecasts with corrected widths, each by what was known at its origin; and all scores there are now."""
    starts = np.array([prepared.table.starts[series] for series in tested.series])
    times = starts + tested.origins
    own = conformal.scores(raw, tested.truth, tested.series, times)
    known = Scores(
        *(
            np.concatenate(pair)
            for pair in zip(
                (validation.ratios, validation.series, validation.times),
                (own.ratios, own.series, own.times),
                strict=True,
            )
        )
    )
    by = np.stack(
        [
            conformal.factors(known, series, prepared.horizon, time)
            for series, time in zip(tested.series, times, strict=True)
        ]
    )
    return conformal.widened(raw, by), known


def compared(
    prepared: Prepared, tested: Tested, names: list[str], run: Run
) -> tuple[dict[str, np.ndarray], Counter[str]]:
    """name -> (F, H, 9) of the baselines, each fitted anew at every origin on all that was known there; and how often
    one could not be fitted and is the seasonal naive instead."""
    p = prepared
    known = contexts(p.table, tested)
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    failed: Counter[str] = Counter()
    run.emit("phase", name="comparing", title=_("The same forecasts by AutoETS and its like"))
    clock = Pace(len(known) * len(names), "forecasts")
    for context in known:
        for name in names:
            run.check_cancelled()
            if name == "seasonal_naive":
                answer = baselines.seasonal_naive(context, p.horizon, p.season)
            elif name == "random_walk":
                answer = baselines.random_walk(context, p.horizon)
            else:
                answer, fitted = baselines.statistical(name, context, p.horizon, p.season)
                failed[name] += not fitted
            found[name].append(rollout.not_below_zero(answer, context))
            clock.step(1, lambda **numbers: run.emit("progress", phase="comparing", **numbers))
    return {name: np.stack(rows) for name, rows in found.items()}, failed
