"""One run of an image classifier, from its recipe to its result."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_score

from engines import modelcard, report, versions, weights
from engines.contract import (
    Estimate,
    ModelCard,
    Recipe,
    Result,
    Run,
    Skipped,
    Strategy,
    TaskInfo,
    Verdict,
)
from engines.evidence import calibration, intervals
from engines.training import transfer
from engines.training.devices import name, precision
from engines.training.settings import check_strategy
from engines.training.transfer import Learnt
from engines.vision import predicting, preparing, to_script
from engines.vision.preparing import Prepared
from engines.vision.settings import VisionSettings

MOST_THUMBNAILS = 1000
THUMBNAIL_PIXELS = 160


def fit(info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    """Trains, tests, compares, and leaves model, predictions, model card and report in `run.path`.

    Raises InputError and Cancelled.
    """
    began = time.monotonic()
    settings = VisionSettings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    if recipe.strategy is not Strategy.SCRATCH:
        weights.fetch(card)  # before anything that takes long
    format = preparing.input_format(card, settings)
    prepared = preparing.prepare(recipe, settings, format, run)
    if recipe.data_sha256 not in {None, prepared.sha256} and (run.path / "checkpoint").exists():
        shutil.rmtree(run.path / "checkpoint")  # it may have learnt what is tested on now
        run.emit("note", message="The data have changed since this run stopped: it starts over.")
    recipe = replace(recipe, data_sha256=prepared.sha256, versions=versions.installed())
    (run.path / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")
    for note in prepared.notes:
        run.emit("note", message=note)
    if prepared.skipped:
        run.emit("note", message=skipped_sentence(prepared.skipped))

    on = preparing.start(settings, run)
    testing = prepared.part("test")
    labels = testing.labels.numpy()

    def learn_and_test(strategy: Strategy, settings: VisionSettings, series: str) -> tuple[Learnt, np.ndarray]:
        lesson = preparing.lesson(prepared, card, settings, seed=recipe.seed, run=run, on=on)
        learnt = transfer.learn(lesson, strategy, series=series)
        run.emit("phase", name="testing", title=f"Testing on {len(labels):,} {info.unit} never seen", series=series)
        return learnt, transfer.logits(lesson, learnt, testing)

    from_scratch = recipe.strategy is Strategy.SCRATCH
    learnt, logits = learn_and_test(recipe.strategy, settings, "scratch" if from_scratch else "transfer")
    correct = logits.argmax(1) == labels
    estimate = intervals.balanced_accuracy(labels, correct)
    emit_result(run, "scratch" if from_scratch else "transfer", info.metric, estimate)
    validation = prepared.photos.labels[prepared.parts["validation"]].numpy()
    held_out = None if learnt.held_out is None else (learnt.held_out.numpy(), validation)
    calibrated = calibration.report(logits, labels, held_out)
    probabilities = calibration.probabilities(logits, calibrated["temperature"])
    predicting.save(
        run.path / "model", learnt.network, card, prepared.classes, format, temperature=calibrated["temperature"]
    )
    to_script.record(
        run.path / "model", prepared, card, recipe, settings, network=learnt.network, on=on, value=estimate.value
    )
    write_predictions(run.path, prepared, probabilities)

    # What always answering the commonest class would get: 1 / classes, by the metric's definition.
    baselines = {"majority": 1 / len(np.unique(labels))}
    baseline_details: dict[str, dict[str, Any]] = {}
    verdict: Verdict | None = None
    if settings.baseline == "scratch" and not from_scratch:
        scratch, theirs = learn_and_test(Strategy.SCRATCH, transfer.scratch_settings(settings), "scratch")
        other = theirs.argmax(1) == labels
        baseline = intervals.balanced_accuracy(labels, other)
        emit_result(run, "scratch", info.metric, baseline)
        baselines["scratch"] = baseline.value
        baseline_details["scratch"] = {
            "low": baseline.low, "high": baseline.high, "seconds": round(scratch.seconds, 1),
            "epochs": scratch.progress.epoch, "best_epoch": scratch.progress.best_epoch,
        }  # fmt: skip
        verdict = intervals.verdict(labels, correct, other, "scratch")

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
        metrics=further_metrics(labels, probabilities),
        device=name(on.device),
        precision=precision(on),
        best_epoch=learnt.progress.best_epoch,
        epochs=learnt.progress.epoch,
        skipped=prepared.skipped,
        notes=prepared.notes,
        details={
            "classes": prepared.classes,
            "confusion": confusion_matrix(
                labels, probabilities.argmax(1), labels=range(len(prepared.classes))
            ).tolist(),
            "per_class": per_class(labels, probabilities, prepared.classes),
            **drawn_network(learnt, card, recipe.strategy, settings),
            "calibration": calibrated,
            "image_size": format.size,
            "load_snippet": predicting.SNIPPET,
            "next": what_next(recipe, settings, learnt, len(card.stages)),
        },
    )
    (run.path / "README.md").write_text(modelcard.write(result, recipe, card, info), encoding="utf-8")
    (run.path / "report.html").write_text(
        report.write(result, recipe, card, info, learnt.progress.history), encoding="utf-8"
    )
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)  # nothing is left to continue
    return result


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


def further_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Estimate]:
    """Plain accuracy and macro F1. F1 has no closed posterior: its interval is a bootstrap over test examples."""
    predicted = probabilities.argmax(1)
    rng = np.random.default_rng(0)
    n = len(labels)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=500)
    low, high = np.quantile(macro_f1(labels, predicted, drawn), [0.025, 0.975])
    f1 = float(macro_f1(labels, predicted, np.ones((1, n)))[0])
    return {
        "accuracy": intervals.accuracy(predicted == labels),
        "macro_f1": Estimate(f1, min(float(low), f1), max(float(high), f1), len(labels)),
    }


def macro_f1(labels: np.ndarray, predicted: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """float (D,): macro F1 where example n occurs counts[d, n] times; labels, predicted: int (N,), counts: (D, N)."""
    classes = np.union1d(labels, predicted)
    true, named = labels[:, None] == classes, predicted[:, None] == classes  # (N, C)
    right, occurring = counts @ (true & named), counts @ true + counts @ named  # (D, C)
    f1 = 2 * right / np.maximum(occurring, 1)
    return f1.sum(axis=1) / (occurring > 0).sum(axis=1)


def per_class(labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> list[dict[str, Any]]:
    """Recall with its interval and precision of every class; None where the test holds none of it."""
    predicted = probabilities.argmax(1)
    precision = precision_score(labels, predicted, labels=range(len(classes)), average=None, zero_division=0)
    rows: list[dict[str, Any]] = []
    for number, label in enumerate(classes):
        own = labels == number
        recall = intervals.accuracy(predicted[own] == number) if own.any() else None
        rows.append(
            {
                "class": label,
                "n": int(own.sum()),
                "recall": recall and recall.value,
                "low": recall and recall.low,
                "high": recall and recall.high,
                "precision": float(precision[number]),
            }
        )
    return rows


def drawn_network(learnt: Learnt, card: ModelCard, strategy: Strategy, settings: VisionSettings) -> dict[str, Any]:
    """What the page draws: each stage, and whether it learnt."""
    stages = len(card.stages)
    boundary = strategy.boundary(stages, settings.blocks)
    return {
        "stages": [
            {"name": s.name, "parameters": s.parameters, "trainable": i >= boundary} for i, s in enumerate(card.stages)
        ],
        "head_parameters": sum(p.numel() for p in learnt.network.head().parameters()),
    }


def what_next(recipe: Recipe, settings: VisionSettings, learnt: Learnt, stages: int) -> dict[str, Any] | None:
    """The one change that the curves suggest."""
    if recipe.strategy is Strategy.SCRATCH:
        return {
            "text": "Start from pretrained weights: the head alone learns in seconds.",
            "strategy": "features",
            "settings": {},
        }
    best = learnt.progress.history[learnt.progress.best_epoch - 1]
    if "validation_metric" not in best:
        return None
    gap = best["train_metric"] - best["validation_metric"]
    if recipe.strategy is Strategy.FEATURES:
        return {
            "text": f"Unfreeze the last block: training and validation accuracy are {abs(gap) * 100:.0f} points apart"
            + (", so there is room." if gap < 0.1 else "; stronger variation of the pictures will hold it back."),
            "strategy": "partial",
            "settings": {"blocks": 1} | ({} if gap < 0.1 else {"augment": "strong"}),
        }
    if gap > 0.15:
        return {
            "text": f"It knows its training pictures {gap * 100:.0f} points better than new ones: train less of it.",
            "strategy": "features",
            "settings": {},
        }
    if recipe.strategy is Strategy.PARTIAL and settings.blocks < stages:
        blocks = min(stages, settings.blocks + 2)
        text = f"Unfreeze {blocks} blocks: new pictures are named almost as well as known ones."
        return {"text": text, "strategy": "partial", "settings": {"blocks": blocks}}
    return None


def write_predictions(folder: Path, prepared: Prepared, probabilities: np.ndarray) -> None:
    """predictions.parquet, and thumbnails of the test pictures, the most confident mistakes first."""
    rows = prepared.parts["test"]
    labels, predicted = prepared.photos.labels.numpy()[rows], probabilities.argmax(1)
    confidence = probabilities.max(1)
    order = np.lexsort((-confidence, predicted == labels))
    thumbnails: list[str | None] = [None] * len(rows)
    (folder / "thumbnails").mkdir(exist_ok=True)
    for i in order[:MOST_THUMBNAILS]:
        square = prepared.photos.pixels(torch.tensor([rows[i]]))[0].permute(1, 2, 0).numpy()
        thumbnails[i] = f"thumbnails/{i:06d}.jpg"
        Image.fromarray(square).resize((THUMBNAIL_PIXELS,) * 2).save(folder / thumbnails[i], quality=85)
    columns: dict[str, Any] = {
        "file": [prepared.photographs[i].name for i in rows],
        "label": [prepared.classes[i] for i in labels],
        "predicted": [prepared.classes[i] for i in predicted],
        "confidence": confidence.astype(np.float32),
        **{f"p_{label}": probabilities[:, i].astype(np.float32) for i, label in enumerate(prepared.classes)},
        "thumbnail": thumbnails,
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
