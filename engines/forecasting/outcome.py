"""One run of a forecaster, from its recipe to its result."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines import modelcard, report, versions, weights
from engines.contract import Estimate, InputError, ModelCard, Problem, Recipe, Result, Run, Strategy, TaskInfo, Verdict
from engines.evidence import resampling
from engines.forecasting import (
    baselines,
    borrowed,
    catalogue,
    choosing,
    keeping,
    measures,
    networks,
    preparing,
    teaching,
    telling,
    testing,
    to_script,
)
from engines.forecasting.dates import written
from engines.forecasting.measures import MEDIAN, Tested
from engines.forecasting.network import QUANTILES
from engines.forecasting.preparing import Prepared
from engines.forecasting.rolling import Mix
from engines.forecasting.settings import ForecastSettings
from engines.forecasting.teaching import Learnt, Lesson
from engines.training.devices import accelerator, name, precision
from engines.training.settings import check_strategy

AS_IT_IS: Mix = {0: 1.0}
MOST_HISTORY = 400
"""Values of each tested series that the page draws before and beneath the forecasts."""


def fit(info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    """Trains, tests, compares, and leaves model, predictions, model card and report in `run.path`.

    Raises InputError and Cancelled.
    """
    began = time.monotonic()
    settings = ForecastSettings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    whole = borrowed.is_borrowed(card)
    if whole and recipe.strategy not in (able := borrowed.strategies(card)):
        found = f"{recipe.strategy} with {card.title}, which comes from the hub"
        accepted = f"accepted: {', '.join(able)}, or the model {catalogue.FRACAST.name}"
        raise InputError(Problem("strategy", found, accepted))
    if whole and settings.baseline == "scratch":
        found = f"scratch with {card.title}, which comes from the hub"
        raise InputError(Problem("setting baseline", found, f"accepted: none, or the model {catalogue.FRACAST.name}"))
    if recipe.strategy is not Strategy.SCRATCH:
        weights.fetch(card)
    p = preparing.announced(recipe, settings, run)
    if recipe.data_sha256 not in {None, p.table.sha256} and (run.path / "checkpoint").exists():
        shutil.rmtree(run.path / "checkpoint")  # it may have learnt what is tested on now
        run.emit("note", message="The data have changed since this run stopped: it starts over.")
    if borrowed.takes_known(card):
        p = p.blind()  # it is given the columns that are known ahead, instead of what a regression on them leaves over
    recipe = replace(recipe, data_sha256=p.table.sha256, versions=versions.installed())
    run.write("recipe.json", recipe.to_json())
    for note in p.notes:
        run.emit("note", message=note)
    on = accelerator(settings)
    run.emit("note", message=f"{name(on.device)}, {precision(on)}.")
    width = teaching.width(p, settings)
    chosen = p.tested(settings.most_series, recipe.seed)
    if len(chosen) < len(p.usable):
        p.notes.append(
            f"{len(chosen):,} of {len(p.usable):,} series were drawn at random and tested; all were learnt from."
        )
    tested = testing.cases(p, chosen)
    here = not whole and weights.find(card) is not None
    mixes = choosing.choose_inputs(p, card, settings, on, width) if here else [AS_IT_IS] * len(p.table)
    lesson = Lesson(p, card, settings, recipe.seed, run, on, mixes)

    def learn_and_test(strategy: Strategy, lesson: Lesson, series: str) -> tuple[Learnt, np.ndarray, Any]:
        learnt = teaching.teach(lesson, strategy, series=series)
        model = learnt.network.to(on.device).eval().model
        run.emit("phase", name="testing", title=f"Forecasting from {len(tested.series):,} past origins", series=series)
        raw = testing.ask(model, p, tested, mixes, width)
        scores = testing.validation_scores(model, p, chosen, mixes, width)
        forecast, known = testing.calibrated(raw, p, tested, scores)
        return learnt, forecast, known

    from_scratch = recipe.strategy is Strategy.SCRATCH
    own_series = "scratch" if from_scratch else "transfer"
    learnt, ours, scores = learn_and_test(recipe.strategy, lesson, own_series)
    counts = measures.resampled(tested)
    errors = {"own": measures.mase(ours, tested)}
    value = measures.estimate(errors["own"], None, counts, p.parts["test"])
    _emit(run, own_series, info.metric, value)

    forecasts = dict(_others(p, tested, card, settings, recipe.strategy, mixes, width, run, on))
    details: dict[str, dict[str, Any]] = {}
    verdict: Verdict | None = None
    if settings.baseline == "scratch" and not from_scratch:
        plain = replace(settings, epochs=None, learning_rate=None)
        scratch, forecasts["scratch"], _ = learn_and_test(Strategy.SCRATCH, replace(lesson, settings=plain), "scratch")
        details["scratch"] = {
            "seconds": round(scratch.seconds, 1), "epochs": scratch.progress.epoch,
            "best_epoch": scratch.progress.best_epoch,
        }  # fmt: skip
    known: dict[str, Estimate] = {}
    for other, forecast in forecasts.items():
        errors[other] = measures.mase(forecast, tested)
        known[other] = measures.estimate(errors[other], None, counts, p.parts["test"])
        details[other] = {**details.get(other, {}), "low": known[other].low, "high": known[other].high}
    if "scratch" in forecasts:
        _emit(run, "scratch", info.metric, known["scratch"])
        off = measures.estimate(errors["own"] - errors["scratch"], None, counts, p.parts["test"])
        verdict = resampling.judge(
            replace(off, value=value.value - known["scratch"].value), "scratch", higher_is_better=False
        )

    keeping.save(run.path / "model", card, learnt.network, p, mixes, width, scores, chosen, learnt.share)
    to_script.record(run.path / "model", lesson, learnt, recipe, settings, tested, on=on)
    write_predictions(run, p, tested, ours, forecasts)
    result = Result(
        run=run.path.name,
        task=info.name,
        model=card.name,
        strategy=recipe.strategy,
        metric=info.metric,
        value=value.value,
        low=value.low,
        high=value.high,
        higher_is_better=info.higher_is_better,
        n_train=p.parts["train"],
        n_validation=p.parts["validation"],
        n_test=p.parts["test"],
        seconds=round(time.monotonic() - began, 2),
        trainable_parameters=learnt.trainable,
        parameters=card.parameters if whole else sum(p.numel() for p in learnt.network.model.parameters()),
        seed=recipe.seed,
        baselines={other: estimate.value for other, estimate in known.items()},
        baseline_details=details,
        verdict=verdict,
        metrics=further(ours, tested, counts, p.parts["test"]),
        device=name(on.device),
        precision=precision(on),
        best_epoch=learnt.progress.best_epoch,
        epochs=learnt.progress.epoch,
        skipped=p.skipped,
        notes=p.notes,
        details=_details(recipe, card, p, tested, mixes, learnt, ours, errors, forecasts, counts, settings),
    )
    run.write("README.md", modelcard.write(result, recipe, card, info))
    run.write("report.html", report.write(result, recipe, card, info, learnt.progress.history))
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)  # nothing is left to continue
    return result


def _others(
    p: Prepared, tested: Tested, card: ModelCard, settings: ForecastSettings, strategy: Strategy, mixes: list[Mix],
    width: int, run: Run, on: Any,
) -> dict[str, np.ndarray]:  # fmt: skip
    """The forecasts of everything that is not this run's own model."""
    names = ["seasonal_naive", "random_walk", *baselines.STATISTICAL]
    if not settings.arima:
        names.remove("auto_arima")
    if p.season == 1:
        names.remove("random_walk")  # it is the same then
    found = dict(testing.compared(p, tested, names, run))
    if borrowed.is_borrowed(card):
        if strategy is not Strategy.ZERO_SHOT:  # the same model before sktime trained it
            came = borrowed.Borrowed(card, p.season)
            raw = testing.ask(came, p, tested, mixes, width)
            scores = testing.validation_scores(came, p, np.unique(tested.series).tolist(), mixes, width)
            found["zero_shot"] = testing.calibrated(raw, p, tested, scores)[0]
    elif strategy is not Strategy.SCRATCH:
        model = networks.build(card, pretrained=True, seed=0).to(on.device).eval().model
        plain = [AS_IT_IS] * len(mixes)
        which, blind = np.unique(tested.series).tolist(), p.blind()
        asked = [("zero_shot", blind, plain, False)]
        if strategy is not Strategy.ZERO_SHOT:
            asked.append(("zero_shot_inputs", p, mixes, True))
        if any(effect is not None for effect in p.effects):
            asked.append(("without_columns", blind, choosing.choose_inputs(blind, card, settings, on, width), True))
        for label, seen, chosen, both in asked:
            raw = testing.ask(model, seen, tested, chosen, width, both)
            scores = testing.validation_scores(model, seen, which, chosen, width, both)
            found[label] = testing.calibrated(raw, seen, tested, scores)[0]
    return found


def _emit(run: Run, series: str, metric: str, estimate: Estimate) -> None:
    bounds = {key: asdict(estimate)[key] for key in ("value", "low", "high")}
    run.emit("result", series=series, metric=metric, **bounds)


def further(forecast: np.ndarray, tested: Tested, counts: np.ndarray, n: int) -> dict[str, Estimate]:
    """sMAPE, weighted quantile loss and the coverage of the 80 % interval, with intervals."""
    size = np.abs(np.nan_to_num(tested.truth)).sum(1)
    inside = measures.covered(forecast, tested.truth)
    seen = np.isfinite(inside).sum(1)
    share = np.where(seen > 0, np.nansum(inside, axis=1) / np.maximum(seen, 1), np.nan)
    loss = measures.quantile_loss(forecast, tested.truth)
    return {
        "smape": measures.estimate(measures.smape(forecast, tested), None, counts, n),
        "weighted_quantile_loss": measures.estimate(
            np.where(size > 0, loss / np.where(size > 0, size, 1.0), np.nan), size, counts, n
        ),
        "coverage_80": measures.estimate(share, seen.astype(float), counts, n),
    }


def _details(
    recipe: Recipe, card: ModelCard, p: Prepared, tested: Tested, mixes: list[Mix], learnt: Learnt, ours: np.ndarray,
    errors: dict[str, np.ndarray], forecasts: dict[str, np.ndarray], counts: np.ndarray, settings: ForecastSettings,
) -> dict[str, Any]:  # fmt: skip
    """What the page reads."""
    table = p.table
    values = {other: float(np.nanmean(error)) for other, error in errors.items()}
    wins = telling.won(errors["own"], errors["seasonal_naive"], tested)
    ranked = measures.ranking(errors)
    for row in ranked["rows"]:
        forecast = ours if row["model"] == "own" else forecasts[row["model"]]
        mine = row["model"] == "own"
        row["title"] = telling.OURS[recipe.strategy] if mine else telling.SHORT.get(row["model"], row["model"])
        row["mase"] = values[row["model"]]
        row |= {name: estimate.value for name, estimate in further(forecast, tested, counts, 0).items()}
    found: dict[str, Any] = {
        "horizon": p.horizon,
        "season": p.season,
        "frequency": table.frequency.title,
        "n_series": len(p.usable),
        "tested_series": [table.names[series] for series in np.unique(tested.series)],
        "origins": int(telling.turn(tested).max()) + 1,
        "headline": telling.headline(recipe.strategy, values, wins),
        "wins": {"won": wins[0], "of": wins[1]},
        "ranking": ranked,
        "inputs": {
            table.names[series]: {str(lag): share for lag, share in mixes[series].items()}
            for series in np.unique(tested.series).tolist()
        },
        "share": learnt.share,
        "per_step": per_step(ours, forecasts["seasonal_naive"], tested),
        "residuals": telling.residuals(ours[:, :, MEDIAN], tested.truth, tested.scales, ours),
        "stages": card.drawn(recipe.strategy, settings.blocks),
        "head_parameters": (
            0 if borrowed.is_borrowed(card) else sum(p.numel() for p in learnt.network.head().parameters())
        ),
        "load_snippet": keeping.snippet(card, p, np.unique(tested.series).tolist()),
        "columns": table.columns,
        "input": f"series of numbers, {table.frequency.title}; up to {teaching.width(p, settings)} past steps are seen",
        "next": what_next(recipe, values, learnt),
    }
    if table.features:
        explained = [series for series in np.unique(tested.series).tolist() if p.effects[series] is not None]
        found["ahead"] = telling.about_known(
            table.columns["ahead"], errors, counts, [table.names[series] for series in explained],
            itself=borrowed.takes_known(card),
        )  # fmt: skip
    if telling.prices(table.columns):
        last = np.array([baselines.last_season(context, 1)[0] for context in testing.contexts(p.table, tested)])
        walk = values.get("random_walk", values["seasonal_naive"])
        found["prices"] = telling.about_prices(ours[:, :, MEDIAN], tested, last, walk, values["own"])
    return found


def per_step(ours: np.ndarray, naive: np.ndarray, tested: Tested) -> list[dict[str, float]]:
    """The error at each step ahead, in units of the seasonal naive's past error."""
    rows = []
    for step in range(tested.truth.shape[1]):
        row: dict[str, float] = {"step": step + 1}
        for label, forecast in (("own", ours), ("seasonal_naive", naive)):
            off = np.abs(forecast[:, step, MEDIAN] - tested.truth[:, step]) / tested.scales
            row[label] = float(np.nanmean(off)) if np.isfinite(off).any() else float("nan")
        row["covered"] = (
            float(np.nanmean(measures.covered(ours, tested.truth)[:, step]))
            if np.isfinite(tested.truth[:, step]).any()
            else float("nan")
        )
        rows.append(row)
    return rows


def what_next(recipe: Recipe, values: dict[str, float], learnt: Learnt) -> dict[str, Any] | None:
    """The one change that this test suggests."""
    best = min((other for other in values if other != "own"), key=values.__getitem__)
    if recipe.model != catalogue.FRACAST.name:
        return None
    if recipe.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
        return {"text": "Fine-tune it: the decoder alone learns in seconds.", "strategy": "partial", "settings": {}}
    if best in baselines.TITLES and values[best] < values["own"]:
        text = f"{telling.title(best)} did better here and costs nothing: use it, or bring a longer history."
        return {"text": text, "strategy": None, "settings": {}}
    if learnt.share == teaching.SHARES[0] and recipe.strategy is not Strategy.FEATURES:
        text = "Training gained little on the validation part: train less of the network."
        return {"text": text, "strategy": "features", "settings": {}}
    if recipe.strategy is Strategy.FEATURES:
        return {"text": "There may be more in it: let the decoder learn too.", "strategy": "partial", "settings": {}}
    return None


def write_predictions(run: Run, p: Prepared, tested: Tested, ours: np.ndarray, others: dict[str, np.ndarray]) -> None:
    """predictions.parquet, one row a step of each test forecast; history.parquet, the tested series' newest values."""
    table, f = p.table, p.table.frequency
    n, steps = tested.truth.shape
    starts = np.array([table.starts[series] for series in tested.series])
    first = starts + tested.origins
    moments = [
        [
            written(f.moment(int(position) + step)) if f.unit != "step" else str(int(position) + step)
            for step in range(steps)
        ]
        for position in first
    ]
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
        **{f"q{quantile:g}": ours[:, :, i].reshape(-1) for i, quantile in enumerate(QUANTILES)},
        **{other: forecast[:, :, MEDIAN].reshape(-1) for other, forecast in others.items()},
    }
    pq.write_table(pa.table(columns), run.path / "predictions.parquet")
    history: dict[str, list[Any]] = {"unique_id": [], "ds": [], "y": []}
    for series in np.unique(tested.series).tolist():
        found = table.at(series)
        newest = range(max(0, len(found) - MOST_HISTORY), len(found))
        history["unique_id"] += [found.name] * len(newest)
        history["ds"] += [
            written(f.moment(found.start + i)) if f.unit != "step" else str(found.start + i) for i in newest
        ]
        history["y"] += found.values[newest.start :].tolist()
    pq.write_table(pa.table(history), run.path / "history.parquet")


def case(series: str, origin: str, step: int) -> str:
    """What one forecast value is called: 'passengers 1960-01-01 +3'."""
    return f"{series} {origin} +{step}"
