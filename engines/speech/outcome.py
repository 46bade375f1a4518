"""One run of a recogniser, from its recipe to its result."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines import modelcard, report, versions, weights
from engines.classifying.domain import start
from engines.classifying.outcome import emit_result, skipped_sentence
from engines.contract import Estimate, ModelCard, Recipe, Result, Run, Strategy, TaskInfo
from engines.evidence import resampling
from engines.speech import audio, phones, predicting, recogniser, to_script, word_errors
from engines.speech.adapting import Adapted, Lesson, adapt, decoder_stays, freeze, mix, transcripts
from engines.speech.preparing import Prepared, Selection, heard_before, prepare, rehearsed, source_clips, spelt
from engines.speech.settings import TranscriptionSettings
from engines.training.devices import name, precision
from engines.training.settings import check_strategy

SHARES = (0.5, 0.35, 0.2)
"""How much of what was learnt is kept: the first that the source accent bears. Half is what Wortsman et al. advise
where nothing is known: it often has most of both."""
MOST_CLIPS = 200
"""Test clips that are kept with the run, to be listened to."""


@dataclass
class Heard:
    """What was heard in the test and in the source accent, with some share of what was learnt."""

    share: float
    test: list[str]
    source: list[str]


def fit(info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    """Adapts, tests before and after, and leaves model, predictions, model card and report in `run.path`.

    Raises InputError and Cancelled.
    """
    began = time.monotonic()
    settings = TranscriptionSettings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    weights.fetch(card)  # before anything that takes long
    found, parts = prepare(recipe, settings, run)
    if recipe.data_sha256 not in {None, found.sha256} and (run.path / "checkpoint").exists():
        shutil.rmtree(run.path / "checkpoint")  # it may have learnt what is tested on now
        run.emit("note", message="The data have changed since this run stopped: it starts over.")
    recipe = replace(recipe, data_sha256=found.sha256, versions=versions.installed())
    (run.path / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")

    lesson = begin(recipe, card, settings, run)
    prepared = spelt(found, parts, lesson)
    for note in prepared.notes:
        run.emit("note", message=note)
    if prepared.skipped:
        run.emit("note", message=skipped_sentence(prepared.skipped))
    testing = prepared.of("test")
    known_accent = source_clips() if settings.language == "en" else {}
    choosing, source = (
        known_accent.get(part, Selection.none()) if settings.forgetting else Selection.none()
        for part in ("validation", "test")
    )
    came_with = freeze(lesson)
    before = Heard(
        0.0,
        heard_before(lesson, testing, "What the model hears in the test clips before it learns"),
        heard_before(lesson, source, "What it hears in the accent it came with"),
    )
    more: list[str] = []
    known = heard_before(lesson, choosing, "What it hears in the clips that choose how much is kept")
    if recipe.strategy is Strategy.ZERO_SHOT:
        adapted, after, curve = None, before, [before]
        chosen: dict[str, Any] = {"share": 0.0, "why": "Nothing was learnt."}
    else:
        training, checks = prepared.of("train"), prepared.of("validation")
        if settings.rehearse and known_accent:
            training = rehearsed(training, known_accent["train"])
            more = training.names[len(prepared.parts["train"]) :]
            run.emit("note", message=f"Beside yours, {len(more)} clips of the accent it came with are rehearsed.")
        adapted = adapt(
            lesson,
            training.spoken(lesson.recogniser, settings),
            checks.spoken(lesson.recogniser) if len(checks) else None,
            came_with,
        )
        chosen = choose_share(lesson, adapted, choosing, known)
        curve = [before, *along(lesson, adapted, testing, source, chosen["share"])]
        after = next(heard for heard in curve if heard.share == chosen["share"])
        mix(lesson, adapted, chosen["share"])

    was, now = (word_errors.word_counts(testing.texts, heard.test) for heard in (before, after))
    estimate, zero_shot = word_errors.wer(now), word_errors.wer(was)
    emit_result(run, "transfer", info.metric, estimate)
    folder = run.path / "model"
    predicting.save(folder, lesson, card)
    to_script.record(folder, prepared, lesson, adapted, recipe, chosen["share"], rehearsed=more, value=estimate.value)
    write_predictions(run.path, prepared, testing, before.test, after.test)
    difference = word_errors.difference(now, was)
    learns = recipe.strategy is not Strategy.ZERO_SHOT
    progress = adapted.progress if adapted else None
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
        n_test=len(testing),
        seconds=round(time.monotonic() - began, 2),
        trainable_parameters=adapted.trainable if adapted else 0,
        parameters=sum(p.numel() for p in lesson.recogniser.network.model.parameters()),
        seed=recipe.seed,
        baselines={"zero_shot": zero_shot.value},
        baseline_details={"zero_shot": {"low": zero_shot.low, "high": zero_shot.high}},
        verdict=resampling.judge(difference, "zero_shot", higher_is_better=False) if learns else None,
        metrics={"cer": word_errors.wer(word_errors.letter_counts(testing.texts, after.test))},
        device=name(lesson.on.device),
        precision=precision(lesson.on),
        best_epoch=progress.best_epoch if progress else 0,
        epochs=progress.epoch if progress else 0,
        skipped=prepared.skipped,
        notes=prepared.notes,
        details={
            **findings(prepared, testing, before, after),
            "forgetting": forgetting(source, before.source, after.source),
            "curve": [point(heard, testing, source) for heard in curve],
            "mix": chosen,
            **drawn_network(lesson, card),
            "input": predicting.INPUT,
            "load_snippet": predicting.snippet(lesson.recogniser),
            "next": what_next(recipe, settings, adapted, difference, chosen["share"]),
        },
    )
    (run.path / "README.md").write_text(modelcard.write(result, recipe, card, info), encoding="utf-8")
    history = progress.history if progress else []
    (run.path / "report.html").write_text(report.write(result, recipe, card, info, history), encoding="utf-8")
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)  # nothing is left to continue
    return result


def begin(recipe: Recipe, card: ModelCard, settings: TranscriptionSettings, run: Run) -> Lesson:
    """The pretrained recogniser on the device that this run has."""
    on = start(settings, run, recipe.strategy)
    path = weights.fetch(card)
    model = recogniser.build(card, settings.language)
    model.network.to(on.device)
    return Lesson(model, weights.sha256(path), recipe.strategy, settings, recipe.seed, run, on)


# --- how much of it is kept -----------------------------------------------------------------------


def choose_share(lesson: Lesson, adapted: Adapted, choosing: Selection, before: list[str]) -> dict[str, Any]:
    """The largest of SHARES with which the source accent loses no more than `worse_by` points, on clips of its own.

    `before` is what was heard in these clips before anything was learnt.
    """
    settings = lesson.settings
    if settings.mix is not None:
        return {"share": settings.mix, "why": "It was asked for."}
    if not len(choosing):
        return {"share": 1.0, "why": "What it does to the accent it came with was not measured."}
    most = word_errors.wer(word_errors.word_counts(choosing.texts, before)).value + settings.worse_by / 100
    tried = []
    for share in SHARES:
        mix(lesson, adapted, share)
        title = f"Listening to the accent it came with, {share:.0%} of what was learnt"
        now = transcripts(lesson, lesson.seen(choosing.spoken(lesson.recogniser)), choosing.seconds, title)
        tried.append({"share": share, "wer": word_errors.wer(word_errors.word_counts(choosing.texts, now)).value})
        if tried[-1]["wer"] <= most:
            why = f"With it, the accent it came with loses at most {settings.worse_by:g} points."
            return {"share": share, "tried": tried, "n": len(choosing), "why": why}
    why = f"With every share that was tried the accent it came with loses more than {settings.worse_by:g} points."
    return {"share": SHARES[-1], "tried": tried, "n": len(choosing), "why": why}


def along(lesson: Lesson, adapted: Adapted, testing: Selection, source: Selection, share: float) -> list[Heard]:
    """What is heard on the line from before to after: at `share`, and at some points between."""
    points = lesson.settings.curve
    between = [round((i + 1) / (points + 1), 3) for i in range(points)] if len(source) else []
    shares = sorted({*between, *([1.0] if points and len(source) else []), share} - {0.0})
    sets = [lesson.seen(chosen.spoken(lesson.recogniser)) for chosen in (testing, source) if len(chosen)]
    found = []
    for one in shares:
        mix(lesson, adapted, one)
        title = f"Testing on clips never learnt from, with {one:.0%} of what was learnt"
        test = transcripts(lesson, sets[0], testing.seconds, title)
        title = f"Listening to the accent it came with, {one:.0%} of what was learnt"
        own = transcripts(lesson, sets[1], source.seconds, title) if len(source) else []
        found.append(Heard(one, test, own))
    return found


def point(heard: Heard, testing: Selection, source: Selection) -> dict[str, Any]:
    """One point of the forgetting curve, each number with its interval."""
    found: dict[str, Any] = {"share": heard.share}
    for title, chosen, texts in (("wer", testing, heard.test), ("source", source, heard.source)):
        if len(chosen):
            found[title] = asdict(word_errors.wer(word_errors.word_counts(chosen.texts, texts)))
    if len(source):
        rows = word_errors.by_accent(source.accents, source.texts, heard.source, heard.source)
        found["sources"] = {row["accent"]: row["wer"]["after"] for row in rows}
    return found


def forgetting(source: Selection, before: list[str], after: list[str]) -> list[dict[str, Any]]:
    """The accents that the model came with, before and after; empty where they were not measured."""
    return word_errors.by_accent(source.accents, source.texts, before, after) if len(source) else []


# --- what is kept of it ---------------------------------------------------------------------------


def findings(prepared: Prepared, testing: Selection, before: Heard, after: Heard) -> dict[str, Any]:
    """What only this task's page reads: see docs/architecture.md."""
    accents = [prepared.clips[i].accent for i in prepared.parts["test"]]
    return {
        "accents": word_errors.by_accent(accents, testing.texts, before.test, after.test),
        "words": word_errors.worst_words(testing.texts, before.test, after.test),
        "phones": phones.suffering(testing.texts, before.test, after.test),
        "seconds": {
            part: round(sum((prepared.clips[i].seconds for i in own), 0.0), 1) for part, own in prepared.parts.items()
        },
    }


def drawn_network(lesson: Lesson, card: ModelCard) -> dict[str, Any]:
    """What the page draws."""
    return {
        "stages": card.drawn(lesson.strategy, lesson.settings.blocks),
        "head_parameters": card.head_parameters,
        "head_learns": lesson.strategy not in {Strategy.ZERO_SHOT, Strategy.LORA} and not decoder_stays(lesson),
    }


def write_predictions(
    folder: Path, prepared: Prepared, testing: Selection, before: list[str], after: list[str]
) -> None:
    """predictions.parquet, and the test clips as small Ogg files to listen to."""
    rows = prepared.parts["test"]
    counts = {
        "before": word_errors.word_counts(testing.texts, before),
        "after": word_errors.word_counts(testing.texts, after),
    }
    sounds: list[str | None] = [None] * len(rows)
    for i in np.argsort(-counts["after"][:, 0], kind="stable")[:MOST_CLIPS]:
        sounds[i] = f"clips/{i:05d}.ogg"
        audio.write(folder / f"clips/{i:05d}.ogg", testing.samples[i])
    columns: dict[str, Any] = {
        "file": testing.names,
        "label": testing.texts,
        "predicted": after,
        "before": before,
        "accent": [prepared.clips[i].accent for i in rows],
        "speaker": [prepared.clips[i].speaker for i in rows],
        "seconds": np.array(testing.seconds, np.float32),
        "words": counts["after"][:, 1].astype(np.int32),
        "errors_before": counts["before"][:, 0].astype(np.int32),
        "errors_after": counts["after"][:, 0].astype(np.int32),
        "sound": sounds,
        "aligned_before": [json.dumps(word_errors.aligned(*pair)) for pair in zip(testing.texts, before, strict=True)],
        "aligned_after": [json.dumps(word_errors.aligned(*pair)) for pair in zip(testing.texts, after, strict=True)],
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")


def what_next(
    recipe: Recipe, settings: TranscriptionSettings, adapted: Adapted | None, gained: Estimate, share: float
) -> dict[str, Any] | None:
    """The one change that the numbers suggest."""
    if adapted is None:
        return {
            "text": "Let the last layers learn from your clips: a few minutes of speech are often enough.",
            "strategy": "partial",
            "settings": {},
        }
    progress = adapted.progress
    if gained.value > 0:
        text = "It hears these clips worse than before. Smaller steps change less."
        return {
            "text": text,
            "strategy": recipe.strategy,
            "settings": {"learning_rate": settings.learning_rate_for(recipe.strategy) / 3},
        }
    if progress.best_epoch == progress.epoch and progress.history and "validation_loss" in progress.history[-1]:
        text = f"The last of {progress.epoch} passes was the best one: more of them may help."
        return {"text": text, "strategy": recipe.strategy, "settings": {"epochs": 2 * progress.epoch}}
    if share < SHARES[0]:
        text = (
            "The accent it came with suffered, so less is kept of what was learnt. Adapters change less of the model."
        )
        return {"text": text, "strategy": "lora", "settings": {}}
    return None
