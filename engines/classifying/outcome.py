"""One run of a classifier, from its recipe to its result."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from engines import modelcard, report, versions, weights
from engines.classifying import against_frozen, learnt_from, measures
from engines.classifying.domain import Domain, Prepared, answered, lesson, start
from engines.classifying.folds import Fold, answers_of_folds, folded
from engines.classifying.next_step import what_next
from engines.contract import Estimate, ModelCard, Recipe, Result, Run, Skipped, Strategy, TaskInfo, Verdict
from engines.evidence import calibration, intervals
from engines.training import transfer
from engines.training.devices import name, precision
from engines.training.settings import TrainSettings, check_strategy
from engines.training.transfer import Learnt, Lesson

FEW = 200
"""Examples below which a test of a part of them is rough, and one in folds is worth its time."""


def fit(domain: Domain, info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    """Trains, tests, compares, and leaves model, predictions, model card and report in `run.path`.

    Raises InputError and Cancelled.
    """
    began = time.monotonic()
    settings = domain.settings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    if recipe.strategy is not Strategy.SCRATCH:
        weights.fetch(card)  # before anything that takes long
    prepared: Prepared = domain.prepare(recipe, card, settings, run)
    if recipe.data_sha256 not in {None, prepared.sha256} and (run.path / "checkpoint").exists():
        shutil.rmtree(run.path / "checkpoint")  # it may have learnt what is tested on now
        run.emit("note", message="The data have changed since this run stopped: it starts over.")
    recipe = replace(recipe, data_sha256=prepared.sha256, versions=versions.installed())
    run.write("recipe.json", recipe.to_json())
    for note in prepared.notes:
        run.emit("note", message=note)
    if prepared.skipped:
        run.emit("note", message=skipped_sentence(prepared.skipped))

    on = start(settings, run, recipe.strategy)
    folds: list[Fold] = []
    if settings.folds:
        prepared, folds, whole = folded(prepared, recipe, settings)
        prepared.notes = [*prepared.notes, in_folds(settings.folds, len(prepared.parts["test"]), info.unit)]
        run.emit("note", message=prepared.notes[-1])
    elif (n := sum(map(len, prepared.parts.values()))) < FEW and recipe.test is None and not prepared.has_own_test:
        tests = len(prepared.parts["test"])
        rough = f"Only {tests} {info.unit} test here, so the interval is wide; with folds=5 each of the {n} is tested."
        prepared.notes = [*prepared.notes, rough]
    testing, labels = prepared.part("test"), prepared.labels("test")

    def learn_and_test(strategy: Strategy, settings: TrainSettings, series: str) -> tuple[Lesson, Learnt, np.ndarray]:
        taught = lesson(domain, prepared, card, settings, seed=recipe.seed, unit=info.unit, run=run, on=on)
        title = f"Testing on {len(labels):,} {info.unit} never seen"
        if folds:
            taught = replace(taught, training=testing, validation=None)

            def answers(own: Lesson, learnt: Learnt, at: Tensor) -> np.ndarray:
                return answered(domain, settings, own, learnt, testing, at)

            if strategy is not recipe.strategy:  # the baseline: one fold will do to compare on the same examples
                logits, learnt = answers_of_folds(taught, strategy, folds[:1], run, answers, series=series)
                return taught, learnt, logits
            learnt = transfer.learn(taught, strategy, series=series, chosen=whole.chosen, checked=whole.checked)
            run.emit("phase", name="testing", title=f"{title}, in {len(folds)} folds", series=series)
            logits, _ = answers_of_folds(taught, strategy, folds, run, answers, series=series)
            return taught, learnt, logits
        learnt = transfer.learn(taught, strategy, series=series)
        if strategy is recipe.strategy and strategy is not Strategy.ZERO_SHOT:
            learnt.seen = transfer.seen(taught, learnt)
        run.emit("phase", name="testing", title=title, series=series)
        return taught, learnt, answered(domain, settings, taught, learnt, testing)

    from_scratch = recipe.strategy is Strategy.SCRATCH
    taught, learnt, logits = learn_and_test(recipe.strategy, settings, "scratch" if from_scratch else "transfer")
    correct = logits.argmax(1) == labels
    estimate = intervals.balanced_accuracy(labels, correct)
    emit_result(run, "scratch" if from_scratch else "transfer", info.metric, estimate)
    held_out = None if learnt.held_out is None else (learnt.held_out.numpy(), prepared.labels("validation"))
    calibrated = calibration.report(logits, labels, held_out)
    probabilities = calibration.probabilities(logits, calibrated["temperature"])
    frozen = None
    if learnt.before is not None and held_out is not None:
        frozen = against_frozen.compared(held_out[1], learnt.before.numpy(), held_out[0], info.unit)
        run.emit("note", message=frozen["text"])
    domain.keep(
        run,
        prepared,
        learnt,
        card,
        recipe,
        settings,
        on=on,
        temperature=calibrated["temperature"],
        value=estimate.value,
    )
    write_predictions(
        run.path, prepared, probabilities, domain.columns(run.path, prepared, probabilities, taught, learnt)
    )
    if learnt.seen is not None:
        known = learnt.held_out.numpy() if learnt.held_out is not None else None
        learnt_from.write(run.path, domain, prepared, learnt.seen, known, calibrated["temperature"])

    # What always answering the commonest class would get: 1 / classes, by the metric's definition.
    baselines = {"majority": 1 / len(np.unique(labels))}
    baseline_details: dict[str, dict[str, Any]] = {}
    for title, answers in domain.baselines.items():
        other = intervals.balanced_accuracy(labels, answers(prepared) == labels)
        baselines[title], baseline_details[title] = other.value, {"low": other.low, "high": other.high}
    verdict: Verdict | None = None
    if settings.baseline == "scratch" and not from_scratch:
        _, scratch, theirs = learn_and_test(Strategy.SCRATCH, transfer.scratch_settings(settings), "scratch")
        at = folds[0].tested.numpy() if folds else np.arange(len(labels))
        other_correct = theirs[at].argmax(1) == labels[at]
        baseline = intervals.balanced_accuracy(labels[at], other_correct)
        emit_result(run, "scratch", info.metric, baseline)
        baselines["scratch"] = baseline.value
        baseline_details["scratch"] = {
            "low": baseline.low, "high": baseline.high, "seconds": round(scratch.seconds, 1),
            "epochs": scratch.progress.epoch, "best_epoch": scratch.progress.best_epoch,
        }  # fmt: skip
        verdict = intervals.verdict(labels[at], correct[at], other_correct, "scratch")

    result = Result(
        run=run.path.name,
        task=info.name,
        model=card.name,
        strategy=recipe.strategy,
        metric=info.metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        higher_is_better=info.higher_is_better,
        n_train=len(prepared.parts["train"]),
        n_validation=len(prepared.parts["validation"]),
        n_test=len(labels),
        seconds=round(time.monotonic() - began, 2),
        trainable_parameters=learnt.trainable,
        parameters=sum(p.numel() for p in learnt.network.model.parameters()),
        seed=recipe.seed,
        baselines=baselines,
        baseline_details=baseline_details,
        verdict=verdict,
        metrics=measures.further_metrics(labels, probabilities),
        device=name(on.device),
        precision=precision(on),
        best_epoch=learnt.progress.best_epoch,
        epochs=learnt.progress.epoch,
        skipped=prepared.skipped,
        notes=[*prepared.notes, *([frozen["text"]] if frozen else [])],
        details={
            "classes": prepared.classes,
            "confusion": measures.confusion(labels, probabilities),
            "per_class": measures.per_class(labels, probabilities, prepared.classes),
            **drawn_network(learnt, card, recipe.strategy, settings),
            "calibration": calibrated,
            "frozen": frozen,
            "learning_rate": learnt.learning_rate,
            "next": what_next(recipe, settings, learnt.progress, len(card.stages), info.unit, domain.steadier, frozen),
            **domain.details(card, settings, prepared),
        },
    )
    run.write("README.md", modelcard.write(result, recipe, card, info))
    run.write("report.html", report.write(result, recipe, card, info, learnt.progress.history))
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)  # nothing is left to continue
    return result


def in_folds(folds: int, n: int, unit: str) -> str:
    return (
        f"Tested in {folds} folds: each of the {n:,} {unit} by a network that had not seen it. The model that is kept "
        "learnt from all of them. The interval leaves out that these networks share most of what they learnt from."
    )


def emit_result(run: Run, series: str, metric: str, estimate: Estimate) -> None:
    run.emit(
        "result",
        series=series,
        metric=metric,
        **{k: v for k, v in asdict(estimate).items() if k in {"value", "low", "high"}},
    )


def skipped_sentence(skipped: list[Skipped]) -> str:
    named = "; ".join(f"{entry.where} {entry.reason}" for entry in skipped[:3])
    more = f", and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    return f"{len(skipped):,} left out: {named}{more}."


def drawn_network(learnt: Learnt, card: ModelCard, strategy: Strategy, settings: TrainSettings) -> dict[str, Any]:
    """What the page draws."""
    return {
        "stages": card.drawn(strategy, settings.blocks),
        "head_parameters": sum(p.numel() for p in learnt.network.head().parameters()),
    }


def write_predictions(folder: Path, prepared: Prepared, probabilities: np.ndarray, further: dict[str, Any]) -> None:
    """predictions.parquet: a row a test example, with the `further` columns at its end."""
    labels, predicted = prepared.labels("test"), probabilities.argmax(1)
    columns: dict[str, Any] = {
        "file": [prepared.names[i] for i in prepared.parts["test"]],
        "label": [prepared.classes[i] for i in labels],
        "predicted": [prepared.classes[i] for i in predicted],
        "confidence": probabilities.max(1).astype(np.float32),
        **{f"p_{label}": probabilities[:, i].astype(np.float32) for i, label in enumerate(prepared.classes)},
        **further,
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
