"""Does transfer pay as more real steps are allowed: a strategy against a policy from scratch, at several budgets."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import numpy as np

from engines.classifying.comparison import Leg
from engines.contract import InputError, Problem, Recipe, Run, Strategy, TaskInfo, Verdict
from engines.control import judging, learner, outcome
from engines.control.learning import one_thread


def compare(
    info: TaskInfo, recipe: Recipe, run: Run, budgets: list[int], seeds: int
) -> tuple[list[dict[str, Any]], Verdict]:
    """See `contract.Task.compare`. A budget counts steps of the real robot; `seeds` takes the place of the repeats.

    Everybody is judged on the same episodes of the robot, a set a seed.
    """
    if recipe.strategy is Strategy.SCRATCH:
        problem = Problem("strategy", "scratch is what the others are compared with", "accepted: any other strategy")
        raise InputError(problem)
    settings, brought, lesson = outcome.prepare(info, recipe, run)
    if brought.logs is not None:
        problem = Problem("data", "there are only logs of the robot", "accepted here: a target description")
        raise InputError(problem)
    budgets = sorted(set(budgets))
    settings = replace(settings, repeats=seeds)
    returns: dict[tuple[int, str], list[np.ndarray]] = {}
    legs: list[Leg] = []
    with one_thread():
        for budget in budgets:
            for strategy in (recipe.strategy, Strategy.SCRATCH):
                own = strategy is recipe.strategy
                used = settings if own else replace(settings, learning_rate=None, updates=None)
                leg = Leg(run, f"{budget}-{strategy}")
                one = replace(lesson, strategy=strategy, settings=used, real_steps=budget, run=leg)
                learnt = learner.learn(one, "transfer" if own else "scratch")
                played = outcome.judge(one, learner.policies(one, learnt), "testing")
                returns[budget, str(strategy)] = outcome.returns(played)
                legs.append(leg)
                run.emit("progress", phase="comparing", done=len(returns), total=2 * len(budgets), unit="trainings")
    for leg in legs:
        shutil.rmtree(leg.path, ignore_errors=True)  # nothing is left to continue
    points = []
    for (budget, name), values in returns.items():
        found = judging.estimate(values)
        points.append(
            {
                "budget": budget, "strategy": name, "mean": found.value, "low": found.low, "high": found.high,
                "seeds": seeds,
            }
        )  # fmt: skip
    last = budgets[-1]
    return points, judging.verdict(returns[last, str(recipe.strategy)], returns[last, str(Strategy.SCRATCH)], "scratch")
