"""Does transfer pay as the history grows: a strategy against training from scratch, at several lengths of the past."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import numpy as np

from engines import weights
from engines.classifying.comparison import Leg
from engines.contract import Estimate, InputError, ModelCard, Problem, Recipe, Run, Strategy, TaskInfo, Verdict
from engines.evidence import resampling
from engines.forecasting import borrowed, catalogue, choosing, measures, preparing, teaching, testing
from engines.forecasting.settings import ForecastSettings
from engines.forecasting.splitting import FEWEST_SEEN
from engines.forecasting.teaching import Lesson
from engines.training.devices import accelerator
from engines.training.settings import check_strategy


def compare(
    info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run, budgets: list[int], seeds: int
) -> tuple[list[dict[str, Any]], Verdict]:
    """See `contract.Task.compare`. A budget counts the newest values of each series that are learnt from.

    The test stays the same throughout, and both networks see the same context there; a seed draws the windows and the
    random weights.
    """
    settings = ForecastSettings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    if recipe.strategy is Strategy.SCRATCH:
        problem = Problem("strategy", "scratch is what the others are compared with", "accepted: any other strategy")
        raise InputError(problem)
    if borrowed.is_borrowed(card):
        what = f"{card.title}, which comes from the hub"
        raise InputError(Problem("model", what, f"accepted: {catalogue.FRACAST.name}, which can start from scratch"))
    weights.fetch(card)
    p = preparing.announced(recipe, settings, run)
    budgets = sorted(set(budgets))
    available = max(split.validation for split in p.splits if split is not None)
    for budget in budgets:
        if not FEWEST_SEEN + p.horizon <= budget <= available:
            accepted = f"accepted: {FEWEST_SEEN + p.horizon} to {available} values of history"
            raise InputError(Problem("budgets", f"found {budget}", accepted))
    on = accelerator(settings)
    chosen = p.tested(settings.most_series, recipe.seed)
    tested = testing.cases(p, chosen)
    width = teaching.width(p, settings)
    mixes = choosing.choose_inputs(p, card, settings, on, width)
    counts = measures.resampled(tested)
    errors: dict[tuple[int, str], list[np.ndarray]] = {}
    legs: list[Leg] = []
    for budget in budgets:
        for seed in range(recipe.seed, recipe.seed + seeds):
            for strategy in (recipe.strategy, Strategy.SCRATCH):
                leg = Leg(run, f"{budget}-{seed}-{strategy}")
                legs.append(leg)
                own = strategy is recipe.strategy
                used = settings if own else replace(settings, epochs=None, learning_rate=None)
                lesson = Lesson(p, card, used, seed, leg, on, mixes, history=budget)
                model = teaching.teach(lesson, strategy).network.to(on.device).eval().model
                found = measures.mase(testing.ask(model, p, tested, mixes, width), tested)
                errors.setdefault((budget, str(strategy)), []).append(found)
                total = len(budgets) * seeds * 2
                run.emit("progress", phase="comparing", done=len(legs), total=total, unit="trainings")
    for leg in legs:
        shutil.rmtree(leg.path, ignore_errors=True)  # nothing is left to continue
    points = []
    for (budget, name), values in errors.items():
        found_all = over_seeds(values, counts, p.parts["test"])
        points.append(
            {
                "budget": budget, "strategy": name, "mean": found_all.value, "low": found_all.low,
                "high": found_all.high, "seeds": seeds,
            }
        )  # fmt: skip
    ours, theirs = errors[budgets[-1], str(recipe.strategy)], errors[budgets[-1], str(Strategy.SCRATCH)]
    off = over_seeds([a - b for a, b in zip(ours, theirs, strict=True)], counts, p.parts["test"])
    return points, resampling.judge(off, "scratch", higher_is_better=False)


def over_seeds(errors: list[np.ndarray], counts: np.ndarray, n: int) -> Estimate:
    """The mean over seeds and test forecasts; its interval covers series, points in time and the seeds."""
    rng = np.random.default_rng(0)
    stacked = np.stack(errors)  # (S, F)
    known = np.isfinite(stacked).all(0)
    kept = stacked[:, known]
    drawn = counts[:, known].astype(float)
    drawn = drawn[drawn.sum(1) > 0]
    by_seed = drawn @ kept.T / drawn.sum(1, keepdims=True)  # (DRAWS, S)
    picked = rng.integers(len(stacked), size=by_seed.shape)
    mixed = np.take_along_axis(by_seed, picked, axis=1).mean(1)
    value = float(kept.mean())
    low, high = np.quantile(mixed, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n, len(stacked))
