"""Does adapting pay as clips grow: a strategy against the model as it came, at several amounts of data."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from engines import weights
from engines.classifying.comparison import Leg
from engines.contract import InputError, ModelCard, Problem, Recipe, Run, Strategy, TaskInfo, Verdict
from engines.evidence import resampling
from engines.evidence.budgets import drawn
from engines.speech import word_errors
from engines.speech.adapting import adapt, freeze, transcripts
from engines.speech.outcome import begin
from engines.speech.preparing import Selection, heard_before, prepare, rehearsed, source_clips, spelt
from engines.speech.settings import TranscriptionSettings
from engines.training.settings import check_strategy

AGAINST = "zero_shot"


def compare(
    info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run, budgets: list[int], seeds: int
) -> tuple[list[dict[str, Any]], Verdict]:
    """See `contract.Task.compare`. A budget counts training clips, spread over the accents as in the data.

    Nothing is learnt from scratch: a few clips teach nobody to listen. The other curve is the model as it came, the
    same at every budget. All of what was learnt is kept, whatever it does to the accent the model came with.
    """
    settings = TranscriptionSettings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    if recipe.strategy is Strategy.ZERO_SHOT:
        raise InputError(
            Problem("strategy", "zero-shot is what the others are compared with", "accepted: any other strategy")
        )
    weights.fetch(card)  # before anything that takes long
    found, parts = prepare(recipe, settings, run)
    lesson = begin(recipe, card, settings, run)
    prepared = spelt(found, parts, lesson)
    training, testing, checks = (prepared.of(part) for part in ("train", "test", "validation"))
    accents = [prepared.clips[i].accent for i in prepared.parts["train"]]
    budgets = sorted(set(budgets))
    for budget in budgets:
        if not len(set(accents)) <= budget <= len(training):
            least = f"{len(set(accents))} (one an accent)" if len(set(accents)) > 1 else "1"
            accepted = f"accepted: {least} to {len(training)} (all that are left for training)"
            raise InputError(Problem("budgets", f"found {budget}", accepted))
    before = word_errors.word_counts(
        testing.texts, heard_before(lesson, testing, "Listening before anything is learnt")
    )
    counts: dict[int, list[np.ndarray]] = defaultdict(list)
    legs: list[Leg] = []
    for budget in budgets:
        for seed in range(recipe.seed, recipe.seed + seeds):
            legs.append(Leg(run, f"{budget}-{seed}-{recipe.strategy}"))
            own = begin(recipe, card, settings, legs[-1])
            taught = replace(own, seed=seed)
            came_with = freeze(taught)
            chosen = some(training, drawn(accents, budget, seed))
            if settings.rehearse and settings.language == "en":
                chosen = rehearsed(chosen, source_clips()["train"])
            adapt(
                taught,
                chosen.spoken(taught.recogniser, settings),
                checks.spoken(taught.recogniser) if len(checks) else None,
                came_with,
            )
            seen = taught.seen(testing.spoken(taught.recogniser))
            heard = transcripts(taught, seen, testing.seconds, f"Testing on {len(testing):,} clips never learnt from")
            counts[budget].append(word_errors.word_counts(testing.texts, heard))
            run.emit("progress", phase="comparing", done=len(legs), total=len(budgets) * seeds, unit="trainings")
    for leg in legs:
        shutil.rmtree(leg.path, ignore_errors=True)  # nothing is left to continue
    points = []
    for budget in budgets:
        for strategy, counted in ((str(recipe.strategy), counts[budget]), (AGAINST, [before] * seeds)):
            values = [word_errors.rate(c.sum(0)) for c in counted]
            e = resampling.over_seeds(values, [resampling.draws(c, word_errors.rate) for c in counted], len(testing))
            points.append(
                {"budget": budget, "strategy": strategy, "mean": e.value, "low": e.low, "high": e.high, "seeds": seeds}
            )
    last = counts[budgets[-1]]
    base = resampling.draws(before, word_errors.rate)
    apart = resampling.over_seeds(
        [word_errors.rate(c.sum(0)) - word_errors.rate(before.sum(0)) for c in last],
        [resampling.draws(c, word_errors.rate) - base for c in last],
        len(testing),
    )
    return points, resampling.judge(apart, AGAINST, higher_is_better=False)


def some(chosen: Selection, positions: list[int]) -> Selection:
    return Selection(
        [chosen.names[i] for i in positions],
        [chosen.texts[i] for i in positions],
        [chosen.samples[i] for i in positions],
    )
