"""Does fine-tuning a writing model pay as examples grow: against the model as it comes, or against scratch."""

from __future__ import annotations

import shutil
from collections import defaultdict
from typing import Any

import numpy as np
import torch

from engines.classifying.comparison import Leg
from engines.contract import InputError, ModelCard, Problem, Recipe, Run, Strategy, TaskInfo, Verdict
from engines.evidence import resampling
from engines.text import adapting
from engines.text.craft import Craft, Measured
from engines.text.writing_outcome import open_desk
from engines.training import transfer

LEAST = 2


def compare(
    craft: Craft, info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run, budgets: list[int], seeds: int
) -> tuple[list[dict[str, Any]], Verdict]:
    """See `contract.Task.compare`. A budget counts training examples; the test set stays the same throughout.

    A pretrained language model does the task before it has seen any example, so it is that model ('zero-shot') which
    fine-tuning has to beat; it needs no examples and is the same at every budget. With the setting baseline=scratch the
    rival is the same network from random weights. A seed draws which examples are learnt from, adapters and the order.
    """
    if recipe.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
        problem = Problem("strategy", f"{recipe.strategy} is what the others are compared with", "accepted: another")
        raise InputError(problem)
    desk = open_desk(craft, info, recipe, card, run)
    budgets, available = sorted(set(budgets)), len(desk.prepared.parts["train"])
    for budget in budgets:
        if not LEAST <= budget <= available:
            accepted = f"accepted: {LEAST} to {available} (all that are left for training)"
            raise InputError(Problem("budgets", f"found {budget}", accepted))
    rival = Strategy.SCRATCH if desk.settings.baseline == "scratch" else Strategy.ZERO_SHOT
    total, done = len(budgets) * seeds * (2 if rival is Strategy.SCRATCH else 1) + (rival is Strategy.ZERO_SHOT), 0
    measured: dict[tuple[int, Strategy], list[Measured]] = defaultdict(list)
    legs: list[Leg] = []

    def leg(strategy: Strategy, budget: int, seed: int, chosen: torch.Tensor | None) -> Measured:
        nonlocal done
        legs.append(Leg(run, f"{budget}-{seed}-{strategy}"))
        settings = desk.settings if strategy is recipe.strategy else transfer.scratch_settings(desk.settings)
        adapted = adapting.learn(desk.lesson(settings, legs[-1], seed), strategy, chosen=chosen)
        found = desk.measure(adapted)
        done += 1
        run.emit("progress", phase="comparing", done=done, total=total, unit="trainings")
        return found

    as_it_comes = leg(rival, 0, recipe.seed, None) if rival is Strategy.ZERO_SHOT else None
    for budget in budgets:
        for seed in range(recipe.seed, recipe.seed + seeds):
            drawn = np.random.default_rng([seed, budget]).permutation(available)[:budget]
            chosen = torch.from_numpy(np.sort(drawn))
            measured[budget, recipe.strategy].append(leg(recipe.strategy, budget, seed, chosen))
            measured[budget, rival].append(as_it_comes or leg(rival, budget, seed, chosen))
    for each in legs:
        shutil.rmtree(each.path, ignore_errors=True)  # nothing is left to continue
    points = [
        {"budget": budget, "strategy": str(strategy), **_over_seeds(craft, outcomes)}
        for (budget, strategy), outcomes in measured.items()
    ]
    pairs = list(zip(measured[budgets[-1], recipe.strategy], measured[budgets[-1], rival], strict=True))
    values = [craft.value(a.statistics.sum(0)) - craft.value(b.statistics.sum(0)) for a, b in pairs]
    apart = [
        resampling.draws(a.statistics, craft.value) - resampling.draws(b.statistics, craft.value) for a, b in pairs
    ]
    difference = resampling.over_seeds(values, apart, len(desk.prepared.parts["test"]))
    against = "scratch" if rival is Strategy.SCRATCH else "zero_shot"
    return points, resampling.judge(difference, against, higher_is_better=info.higher_is_better)


def _over_seeds(craft: Craft, outcomes: list[Measured]) -> dict[str, Any]:
    found = resampling.over_seeds(
        [craft.value(one.statistics.sum(0)) for one in outcomes],
        [resampling.draws(one.statistics, craft.value) for one in outcomes],
        len(outcomes[0].statistics),
    )
    return {"mean": found.value, "low": found.low, "high": found.high, "seeds": found.seeds}
