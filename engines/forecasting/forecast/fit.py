"""The study of a forecaster: series split in time, a network adapted to them, and everybody's forecasts of one test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from engines import starts, weights
from engines.contract import (
    Budgets,
    Estimate,
    InputError,
    Items,
    Problem,
    Recipe,
    Run,
    Scores,
    Strategy,
    Study,
    Task,
    Trial,
)
from engines.evidence.scores import Means
from engines.forecasting.forecast import evaluate, export_script, metrics, model_files, predictions, prepare, summary
from engines.forecasting.forecast.evaluate import ForecastTrial
from engines.forecasting.forecast.prepare import Prepared
from engines.forecasting.forecast.training import hub_training, input_selection, train, train_spec
from engines.forecasting.forecast.training.train_spec import TrainSpec
from engines.forecasting.models import baselines, catalogue, hub_models, stages
from engines.forecasting.models.rollout import InputWeights
from engines.forecasting.series.splits import HISTORY, deciding, histories
from engines.forecasting.settings import ForecastSettings
from engines.messages import _
from engines.training import devices, transfer
from engines.training.settings import require_blocks

AS_IT_IS: InputWeights = {0: 1.0}
SIMPLE = ("seasonal_naive", "auto_ets")
"""What a comparison shows beside the network."""


def open_study(task: Task, recipe: Recipe, settings: ForecastSettings, run: Run) -> ForecastStudy:
    """See `contract.Task.open`."""
    return ForecastStudy(task, recipe, settings, run)


class ForecastStudy(Study):
    """Somebody's series, whose last stretch every model forecasts from the same points in time."""

    def __init__(self, task: Task, recipe: Recipe, settings: ForecastSettings, run: Run):
        """Reads and splits the series, and chooses what the network reads of them. Raises InputError and Cancelled."""
        super().__init__(task, recipe, settings, run)
        self.settings: ForecastSettings = settings
        require_blocks(recipe.strategy, settings, len(self.card.stages))
        p = self._blind(prepare.announced(recipe, settings, run))
        self.prepared = p
        self.sha256, self.notes, self.skipped = p.table.sha256, list(p.notes), p.skipped
        self.from_hub = hub_models.is_borrowed(self.card)
        self.start = starts.folder(recipe)
        if self.start and self.from_hub:
            found = _("a run of {title} cannot be gone on from", title=self.card.title)
            accepted = _("accepted: a run of the model {name}", name=catalogue.FRACAST.name)
            raise InputError(Problem(_("the run to start from"), found, accepted))
        self.notes += [starts.told()] if self.start else []
        on_cpu = replace(settings, device="cpu")  # where sktime's estimators load their models, and train them here
        self.on = devices.start(on_cpu if self.from_hub else settings, run, recipe.strategy)
        self.device, self.precision = devices.name(self.on.device), devices.precision(self.on)
        self.width = train_spec.width(p, settings)
        chosen = p.tested(settings.most_series, recipe.seed)
        if len(chosen) < len(p.usable):
            self.notes.append(
                _(
                    "{chosen:,} of {usable:,} series were drawn at random and tested; all were learnt from.",
                    chosen=len(chosen),
                    usable=len(p.usable),
                )
            )
        self._test(chosen)
        self.classical: dict[str, np.ndarray] = {}
        """Name -> float64 (F,): the errors of the methods that a comparison shows beside."""
        self.others: dict[str, np.ndarray] = {}
        """Name -> float64 (F, H, 9): the forecasts of everything that is not this run's own model."""

    @property
    def trains_alone(self) -> str:
        return _("sktime trains this model") if self.from_hub else super().trains_alone

    def _blind(self, prepared: Prepared) -> Prepared:
        """Without a regression on what is known ahead, for a model that is given these columns themselves."""
        return prepared.blind() if hub_models.takes_known(self.card) else prepared

    def _test(self, chosen: list[int]) -> None:
        self.tested = evaluate.cases(self.prepared, chosen)
        self.drawn = metrics.resampled(self.tested)

    def hold_back_test(self) -> None:
        """The test has not happened yet: the stretch before it is tested on, and all else lies before that."""
        name = Path(self.recipe.data).name
        self.prepared = self._blind(prepare.split(self.prepared.table, self.settings, name, hold_back_test=True))
        self._test(self.prepared.tested(self.settings.most_series, self.recipe.seed))

    @cached_property
    def mixes(self) -> list[InputWeights]:
        """How the network reads each series."""
        p = self.prepared
        if self.from_hub or weights.find(self.card) is None:
            return [AS_IT_IS] * len(p.table)
        return input_selection.choose_inputs(p, self.card, self.settings, self.on, self.width, self.start)

    def compute(self) -> None:
        _ = self.mixes

    def require(self) -> None:
        """Series that are long enough for a model of the hub to learn from."""
        if not self.from_hub:
            pretrained, seed = self.recipe.strategy is not Strategy.SCRATCH, self.recipe.seed
            stages.build(self.card, pretrained=pretrained, seed=seed, start=self.start)
        elif self.recipe.strategy is not Strategy.ZERO_SHOT:
            hub_training.require(self.prepared, self.card)

    @property
    def budgets(self) -> Budgets:
        """Raises InputError for a model that cannot start from scratch."""
        if self.from_hub:
            accepted = _("accepted: {name}, which can start from scratch", name=catalogue.FRACAST.name)
            raise InputError(Problem("model", hub_models.which(self.card), accepted))
        low, high = histories(self.prepared.splits, self.prepared.horizon)
        return Budgets(low, high, HISTORY, high_reason=_("(all before the test)"), counts_examples=False)

    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> ForecastTrial:
        """With a `budget`, only so many of the newest values of each series before the test are learnt from, those that
        decide when to stop among them; the test, and what is known at its origins, stay."""
        settings = self.settings
        if strategy is not self.recipe.strategy:
            settings = transfer.scratch_settings(settings)
        seed = self.recipe.seed if seed is None else seed
        history = None if budget is None else budget - deciding(self.prepared.splits)
        spec = TrainSpec(
            self.prepared, self.card, settings, seed, run or self.run, self.on, self.mixes, history, self.start
        )
        outcome = train.teach(spec, strategy, series=series)
        title = _("Forecasting from {series:,} past origins", series=len(self.tested.series))
        spec.run.emit("phase", name="testing", title=title, series=series)
        model = outcome.network.to(self.on.device).eval().model
        forecast, interval_scores = evaluate.forecast(model, self.prepared, self.tested, self.mixes, self.width)
        return ForecastTrial(spec, strategy, outcome, forecast, interval_scores, self._scored(forecast))

    def scores(self, outcomes: Sequence[np.ndarray]) -> Means:
        return Means(outcomes, self.drawn, self.prepared.parts["test"], metrics.pieces(self.tested))

    def _scored(self, forecast: np.ndarray) -> Means:
        return self.scores([metrics.mase(forecast, self.tested)])

    def keep(self, trial: Trial, value: Estimate) -> None:
        assert isinstance(trial, ForecastTrial)
        model_files.save(self.run.path / "model", trial, np.unique(self.tested.series).tolist())
        export_script.record(self.run.path / "model", trial, self.tested)
        predictions.write_history(self.run.path, self.prepared.table, self.tested)
        self._write_predictions(trial, {})

    def _write_predictions(self, trial: ForecastTrial, others: Mapping[str, np.ndarray]) -> None:
        predictions.write(self.run.path, self.prepared.table, self.tested, trial.forecast, others)

    def workload(self) -> dict[str, Any]:
        return {"n_series": len(self.prepared.usable)}

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        parts = self.prepared.parts
        return parts["train"], parts["validation"], parts["test"]

    def metrics(self, trial: Trial) -> dict[str, Estimate]:
        assert isinstance(trial, ForecastTrial)
        return metrics.further(trial.forecast, self.tested, self.drawn, self.prepared.parts["test"])

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        """Everything that is not the run's own model: the classical methods, and the model as it came."""
        names = ["seasonal_naive", "random_walk", *baselines.STATISTICAL]
        if not self.settings.arima:
            names.remove("auto_arima")
        if self.prepared.season == 1:
            names.remove("random_walk")  # it is the same then
        found, failed = evaluate.compared(self.prepared, self.tested, names, self.run)
        for name, count in (+failed).items():
            self.tell(summary.not_fitted(name, count, len(self.tested.series)))
        self.others = found | (self._hub_as_it_came() if self.from_hub else self._as_it_came())
        return {name: self._scored(forecast) for name, forecast in self.others.items()}

    def simple(self, budget: int, seed: int) -> dict[str, np.ndarray]:
        """The classical methods, which fit themselves anew at every origin and know all that lies before it."""
        if not self.classical:
            known, _ = evaluate.compared(self.prepared, self.tested, list(SIMPLE), self.run)
            self.classical = {name: metrics.mase(forecast, self.tested) for name, forecast in known.items()}
        return self.classical

    def _hub_as_it_came(self) -> dict[str, np.ndarray]:
        """The same model before sktime trained it."""
        if self.recipe.strategy is Strategy.ZERO_SHOT:
            return {}
        came = hub_models.Borrowed(self.card, self.prepared.season)
        return {"zero_shot": self._forecast(came, self.prepared, self.mixes)}

    def _as_it_came(self) -> dict[str, np.ndarray]:
        """The pretrained network, reading values only; and what the chosen inputs and known columns add to it."""
        strategy, p = self.recipe.strategy, self.prepared
        if strategy is Strategy.SCRATCH:
            return {}
        network = stages.build(self.card, pretrained=True, seed=0, start=self.start)
        model = network.to(self.on.device).eval().model
        blind = p.blind()
        plain = [AS_IT_IS] * len(self.mixes)
        found = {"zero_shot": self._forecast(model, blind, plain, both_ways_up=False)}
        if strategy is not Strategy.ZERO_SHOT:
            found["zero_shot_inputs"] = self._forecast(model, p, self.mixes)
        if any(effect is not None for effect in p.effects):
            mixes = input_selection.choose_inputs(blind, self.card, self.settings, self.on, self.width, self.start)
            found["without_columns"] = self._forecast(model, blind, mixes)
        return found

    def _forecast(
        self, model: nn.Module, prepared: Prepared, mixes: list[InputWeights], *, both_ways_up: bool = True
    ) -> np.ndarray:
        return evaluate.forecast(model, prepared, self.tested, mixes, self.width, both_ways_up)[0]

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        """What the page reads. Completes predictions.parquet, now that all forecasts are known."""
        assert isinstance(trial, ForecastTrial)
        others = dict(self.others)
        if isinstance(rival, ForecastTrial):
            others["scratch"] = rival.forecast
        self._write_predictions(trial, others)
        return summary.details(trial, self.tested, {"own": trial.forecast, **others}, self.info.metric)

    def items(self) -> Items:
        """Forecasts, drawn series by series."""
        n = len(self.tested.series)
        groups = np.unique(self.tested.series, return_inverse=True)[1]
        return Items(np.ones(n), np.zeros(n, dtype=np.int64), groups)
