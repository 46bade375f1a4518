"""One run of a writing model, from its recipe to its result: measured before it learns, and after."""

from __future__ import annotations

import gc
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from accelerate import Accelerator

from engines import versions, weights
from engines.classifying.domain import start
from engines.classifying.outcome import emit_result, skipped_sentence
from engines.contract import Estimate, ModelCard, Recipe, Result, Run, Strategy, TaskInfo, Verdict
from engines.evidence import resampling
from engines.text import adapting, craft, writer_files, writers, writing_card, writing_model, writing_script
from engines.text.adapting import Adapted, WritingLesson
from engines.text.craft import Craft, Measured, Prepared
from engines.text.sequences import Sequences
from engines.training import transfer
from engines.training.checkpoint import Progress
from engines.training.devices import name, precision
from engines.training.settings import check_strategy


@dataclass
class Desk:
    """All that one run works with."""

    craft: Craft
    info: TaskInfo
    recipe: Recipe
    card: ModelCard
    settings: Any
    run: Run
    on: Accelerator
    prepared: Prepared
    folder: Path
    """The model's files."""
    tokenizer: Any
    sequences: dict[str, Sequences]
    """Part -> its examples as tokens."""

    def lesson(self, settings: Any, run: Run, seed: int) -> WritingLesson:
        path = weights.find(self.card)
        return WritingLesson(
            build=lambda pretrained: writers.build(self.card, pretrained=pretrained, seed=seed),
            weights=weights.sha256(path) if path else self.card.name,
            training=self.sequences["train"],
            validation=self.sequences["validation"] if len(self.sequences["validation"]) else None,
            settings=settings, seed=seed, metric_of_loss=self.craft.metric_of_loss, unit=self.info.unit, run=run,
            on=self.on,
        )  # fmt: skip

    def measure(self, adapted: Adapted) -> Measured:
        return self.craft.measure(
            adapted.network, self.tokenizer, self.prepared.examples("test"), self.sequences["test"], self.settings,
            self.on, self.run,
        )  # fmt: skip


def open_desk(craft_: Craft, info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Desk:
    """Reads, splits and encodes the data, and says what was noticed. Raises InputError and Cancelled."""
    settings = craft_.settings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    folder = writer_files.folder(card, with_weights=recipe.strategy is not Strategy.SCRATCH)

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        run.emit(
            "progress",
            phase="reading",
            done=max(1, min(done, total or done)),
            total=max(1, total or done),
            unit="bytes",
        )

    run.emit("phase", name="reading", title=f"Reading the {info.unit}")
    prepared = craft.read(craft_, recipe, settings, progress)
    run.check_cancelled()
    tokenizer, config = writers.tokenizer(folder), writers.config(folder)
    sequences = {
        part: craft.encoded(craft_, tokenizer, config, prepared.examples(part), settings, card.name)
        for part in ("train", "validation", "test")
        if len(prepared.parts[part]) or part == "validation"
    }
    cut = sum(one.cut for part in sequences.values() for one in part.sequences)
    if cut:
        notes = f"{cut:,} {info.unit} have more than {settings.max_tokens} tokens: read in part (setting max_tokens)."
        prepared.found.notes.append(notes)
    on = start(settings, run, recipe.strategy)
    return Desk(craft_, info, recipe, card, settings, run, on, prepared, folder, tokenizer, sequences)


def fit(craft_: Craft, info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    """Tests the model as it comes, trains, tests again, and leaves model, predictions, card and report in `run.path`.

    Raises InputError and Cancelled.
    """
    began = time.monotonic()
    desk = open_desk(craft_, info, recipe, card, run)
    found, settings = desk.prepared.found, desk.settings
    if recipe.data_sha256 not in {None, found.sha256} and (run.path / "checkpoint").exists():
        shutil.rmtree(run.path / "checkpoint")  # it may have learnt what is tested on now
        run.emit("note", message="The data have changed since this run stopped: it starts over.")
    recipe = desk.recipe = replace(recipe, data_sha256=found.sha256, versions=versions.installed())
    (run.path / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")
    for note in found.notes:
        run.emit("note", message=note)
    if found.skipped:
        run.emit("note", message=skipped_sentence(found.skipped))

    baselines: dict[str, float] = {}
    baseline_details: dict[str, dict[str, Any]] = {}
    verdict: Verdict | None = None
    before: Measured | None = None
    beside: dict[str, Any] = {}
    if recipe.strategy not in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
        _, before, estimate = learn_and_test(desk, Strategy.ZERO_SHOT, settings, "zero_shot")
        baselines["zero_shot"], baseline_details["zero_shot"] = estimate.value, _interval(estimate)

    from_scratch = recipe.strategy is Strategy.SCRATCH
    adapted, after, estimate = learn_and_test(
        desk, recipe.strategy, settings, "scratch" if from_scratch else "transfer"
    )
    if before is not None:
        verdict = beside["against_zero_shot"] = _verdict(desk, after, before, "zero_shot")
    trainable = adapted.trainable
    parameters = sum(p.numel() for n, p in adapted.network.model.named_parameters() if "lora_" not in n)
    stages = {"stages": card.drawn(recipe.strategy, settings.blocks), "head_parameters": 0}
    writing_model.save(run.path / "model", adapted.network, desk.tokenizer, card, recipe)
    writing_script.record(run.path / "model", desk, adapted, estimate.value)
    write_predictions(run.path, desk.prepared, after, before)
    history, progress = adapted.progress.history, adapted.progress
    del adapted
    if settings.baseline == "scratch" and not from_scratch:
        gc.collect()
        scratch, theirs, other = learn_and_test(desk, Strategy.SCRATCH, transfer.scratch_settings(settings), "scratch")
        baselines["scratch"] = other.value
        baseline_details["scratch"] = _interval(other) | {
            "seconds": round(scratch.seconds, 1), "epochs": scratch.progress.epoch,
            "best_epoch": scratch.progress.best_epoch,
        }  # fmt: skip
        verdict = _verdict(desk, after, theirs, "scratch")
    baselines |= craft_.baselines(writers.config(desk.folder), desk.prepared)

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
        n_train=len(desk.prepared.parts["train"]),
        n_validation=len(desk.prepared.parts["validation"]),
        n_test=len(desk.prepared.parts["test"]),
        seconds=round(time.monotonic() - began, 2),
        trainable_parameters=trainable,
        parameters=parameters,
        seed=recipe.seed,
        baselines=baselines,
        baseline_details=baseline_details,
        verdict=verdict,
        metrics={name: resampling.estimate(*each) for name, each in after.further.items()},
        device=name(desk.on.device),
        precision=precision(desk.on),
        best_epoch=progress.best_epoch,
        epochs=progress.epoch,
        skipped=found.skipped,
        notes=found.notes,
        details={
            **stages,
            **craft_.details(before, after),
            "against_zero_shot": beside.get("against_zero_shot"),
            "load_snippet": writing_model.snippet(craft_),
            "next": what_next(recipe, settings, progress, info.unit),
        },
    )
    (run.path / "README.md").write_text(writing_card.readme(result, recipe, card, info), encoding="utf-8")
    (run.path / "report.html").write_text(writing_card.report(result, recipe, card, info, history), encoding="utf-8")
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)  # nothing is left to continue
    return result


def learn_and_test(desk: Desk, strategy: Strategy, settings: Any, series: str) -> tuple[Adapted, Measured, Estimate]:
    """One network trained by one strategy and measured on the test examples."""
    adapted = adapting.learn(desk.lesson(settings, desk.run, desk.recipe.seed), strategy, series=series)
    n = len(desk.prepared.parts["test"])
    who = "the model as it comes" if strategy is Strategy.ZERO_SHOT else "what it learnt"
    desk.run.emit("phase", name="testing", title=f"Testing {who} on {n:,} {desk.info.unit} never seen", series=series)
    measured = desk.measure(adapted)
    estimate = resampling.estimate(measured.statistics, desk.craft.value)
    emit_result(desk.run, series, desk.info.metric, estimate)
    return adapted, measured, estimate


def _verdict(desk: Desk, ours: Measured, theirs: Measured, against: str) -> Verdict:
    difference = resampling.difference(ours.statistics, theirs.statistics, desk.craft.value)
    return resampling.judge(difference, against, higher_is_better=desk.info.higher_is_better)


def _interval(estimate: Estimate) -> dict[str, Any]:
    return {"low": estimate.low, "high": estimate.high}


def what_next(recipe: Recipe, settings: Any, progress: Progress, unit: str) -> dict[str, Any] | None:
    """The one change that the curves suggest: text, strategy, settings."""
    if recipe.strategy in {Strategy.ZERO_SHOT, Strategy.SCRATCH}:
        text = f"Let adapters learn from your {unit}: the model keeps all that it knows of language."
        return {"text": text, "strategy": str(Strategy.LORA), "settings": {}}
    epochs = settings.epochs_for(recipe.strategy)
    if progress.best_epoch == epochs:
        text = "The validation loss was still falling when training ended: let it go on for twice as long."
        return {"text": text, "strategy": str(recipe.strategy), "settings": {"epochs": 2 * epochs}}
    return None


def write_predictions(folder: Path, prepared: Prepared, after: Measured, before: Measured | None) -> None:
    """predictions.parquet: a row a test example; what the model said before it learnt is in columns base_…"""
    examples = prepared.examples("test")
    columns: dict[str, Any] = {
        "file": [one.name for one in examples],
        "question": [one.question for one in examples],
        "label": [one.answer for one in examples],
        **after.columns,
        **({f"base_{name}": values for name, values in before.columns.items()} if before else {}),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
