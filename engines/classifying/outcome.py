"""One run of a classifier, from its recipe to its result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from engines import modelcard, report, versions, weights
from engines.classifying import against_frozen, learnt_from, measures
from engines.classifying.domain import Domain, Prepared, answered, lesson, start
from engines.classifying.folds import Fold, OfFolds, answers_of_folds, folded, tested_in
from engines.classifying.next_step import what_next
from engines.contract import Estimate, ModelCard, Recipe, Result, Run, Skipped, Strategy, TaskInfo, Verdict
from engines.data.folds import by_itself, of_baseline
from engines.evidence import calibration, intervals, words
from engines.training import transfer
from engines.training.checkpoint import Progress
from engines.training.devices import name, precision
from engines.training.settings import TrainSettings, check_strategy
from engines.training.transfer import Learnt, Lesson


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
    carried = carried_folds(prepared, recipe)
    in_each = prepared
    if count := settings.folds_for(recipe.strategy, len(card.stages), 0 if prepared.has_own_parts else carried):
        in_each, folds, whole = folded(prepared, recipe, replace(settings, folds=count))
        tested = in_each.parts["test"][tested_in(folds)]
        prepared = replace(in_each, parts=in_each.parts | {"test": tested})
        prepared.notes = [*prepared.notes, in_folds(len(folds), len(tested), info.unit)]
        run.emit("note", message=prepared.notes[-1])
    elif carried:
        n, tests = sum(map(len, prepared.parts.values())), len(prepared.parts["test"])
        better = "" if "folds" in settings.hidden else f"; with folds={carried} each of the {n} is tested"
        prepared.notes = [
            *prepared.notes, f"Only {tests} {info.unit} test here, so the interval is wide{better}.",
        ]  # fmt: skip
    testing, labels = prepared.part("test"), prepared.labels("test")

    def learn_and_test(strategy: Strategy, settings: TrainSettings, series: str) -> Tested:
        taught = lesson(domain, prepared, card, settings, seed=recipe.seed, unit=info.unit, run=run, on=on)
        title = f"Testing on {len(labels):,} {info.unit} never seen"
        if folds:
            everything = in_each.part("test")
            taught = replace(taught, training=everything, validation=None)

            def answers(own: Lesson, learnt: Learnt, at: Tensor) -> np.ndarray:
                return answered(domain, settings, own, learnt, everything, at)

            ours, learnt = folds, None
            if strategy is recipe.strategy:
                learnt = transfer.learn(taught, strategy, series=series, chosen=whole.chosen, checked=whole.checked)
                run.emit("phase", name="testing", title=f"{title}, in {len(folds)} folds", series=series)
            else:  # the baseline: some folds will do to compare on the same examples
                ours = folds[: of_baseline(len(folds), len(everything))]
            made, how = answers_of_folds(taught, strategy, ours, run, answers, series=series, told=learnt is None)
            at = tested_in(folds)
            return Tested(taught, learnt, made[at], how.progress, how.seconds, how.temperatures[at], how)
        learnt = transfer.learn(taught, strategy, series=series)
        if strategy is recipe.strategy and strategy is not Strategy.ZERO_SHOT:
            learnt.seen = transfer.seen(taught, learnt)
        run.emit("phase", name="testing", title=title, series=series)
        made = answered(domain, settings, taught, learnt, testing)
        return Tested(taught, learnt, made, learnt.progress, learnt.seconds)

    from_scratch = recipe.strategy is Strategy.SCRATCH
    ours = learn_and_test(recipe.strategy, settings, "scratch" if from_scratch else "transfer")
    taught, learnt, logits = ours.lesson, ours.learnt, ours.logits
    assert learnt is not None
    if ours.in_folds:
        learnt.progress.halved = max(learnt.progress.halved, ours.in_folds.halved)
        prepared.fold_rates = ours.in_folds.rates
    correct = logits.argmax(1) == labels
    estimate = intervals.balanced_accuracy(labels, correct)
    emit_result(run, "scratch" if from_scratch else "transfer", info.metric, estimate)
    held_out = None if learnt.held_out is None else (learnt.held_out.numpy(), prepared.labels("validation"))
    calibrated = calibration.report(logits, labels, held_out, ours.temperatures)
    probabilities = calibration.probabilities(
        logits, calibrated["temperature"] if ours.temperatures is None else ours.temperatures
    )
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
        other = intervals.balanced_accuracy(labels, of_baseline_beside(answers, prepared) == labels)
        baselines[title], baseline_details[title] = other.value, {"low": other.low, "high": other.high}
    verdict: Verdict | None = None
    if settings.baseline == "scratch" and not from_scratch:
        scratch = learn_and_test(Strategy.SCRATCH, transfer.scratch_settings(settings), "scratch")
        at = np.flatnonzero(np.isfinite(scratch.logits[:, 0]))  # in folds, some of them
        other_correct = scratch.logits[at].argmax(1) == labels[at]
        baseline = intervals.balanced_accuracy(labels[at], other_correct)
        emit_result(run, "scratch", info.metric, baseline)
        baselines["scratch"] = baseline.value
        baseline_details["scratch"] = {
            "low": baseline.low, "high": baseline.high, "seconds": round(scratch.seconds, 1),
            "epochs": scratch.progress.epoch, "best_epoch": scratch.progress.best_epoch,
        }  # fmt: skip
        verdict = intervals.verdict(labels[at], correct[at], other_correct, "scratch")
        if len(at) < len(labels):
            there = intervals.balanced_accuracy(labels[at], correct[at])
            baseline_details["scratch"] |= {"n": len(at), "there": there.value}
            prepared.notes = [*prepared.notes, compared_on_some(len(at), len(labels), there, info)]
            run.emit("note", message=prepared.notes[-1])

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
            **({"folds": len(folds), "card": card_in_folds(len(folds), info.unit)} if folds else {}),
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


@dataclass
class Tested:
    """What one strategy came to."""

    lesson: Lesson
    learnt: Learnt | None
    """The network that is kept; None of a baseline in folds, which leaves none."""
    logits: np.ndarray
    """float32 (N, C) on the test examples; NaN for what a baseline in folds was not asked."""
    progress: Progress
    seconds: float
    temperatures: np.ndarray | None = None
    """float (N, 1), where each example has one of its own."""
    in_folds: OfFolds | None = None


def carried_folds(prepared: Prepared, recipe: Recipe) -> int:
    """In how many folds these data are tested by themselves, where they do not say what is tested on."""
    if recipe.test is not None or prepared.has_own_test:
        return 0
    used = np.sort(np.concatenate(list(prepared.parts.values())))
    groups = prepared.groups
    return by_itself(prepared.examples.labels.numpy()[used].tolist(), [groups[i] for i in used])


def of_baseline_beside(answers: Callable[[Prepared], np.ndarray], prepared: Prepared) -> np.ndarray:
    """The classes int64 (N,) that one of `Domain.baselines` gives the test examples; in folds, having learnt from the
    others as the networks did."""
    if not prepared.folds:
        return answers(prepared)
    made = np.zeros(len(prepared.parts["test"]), dtype=np.int64)
    for parts in prepared.folds:
        made[np.searchsorted(prepared.parts["test"], parts["test"])] = answers(replace(prepared, parts=parts, folds=[]))
    return made


def in_folds(folds: int, n: int, unit: str) -> str:
    return (
        f"Tested in {folds} folds: each of the {n:,} {unit} by a network that had not seen it. The model that is kept "
        "learnt from all of them. The interval leaves out that these networks share most of what they learnt from."
    )


def compared_on_some(n: int, of: int, there: Estimate, info: TaskInfo) -> str:
    value = words.value(info.metric, there.value)
    return (
        f"Training from scratch takes long, so it was compared on {n:,} of the {of:,} {info.unit}, those of the first "
        f"folds; on these the run itself reaches {value}."
    )


def card_in_folds(folds: int, unit: str) -> dict[str, str]:
    """What model card and report say otherwise of a run in folds."""
    return {"tested_on": f"{unit} (each by a network that had not seen it, in {folds} folds; this model has seen all)"}


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
