"""Does transfer pay as labels grow: a strategy against training from scratch, at several amounts of data."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines import weights
from engines.classifying.domain import Domain, answered, lesson, start
from engines.contract import Estimate, InputError, ModelCard, Problem, Recipe, Run, Strategy, TaskInfo, Verdict
from engines.evidence import intervals
from engines.evidence.budgets import drawn
from engines.training import transfer
from engines.training.settings import check_strategy


def compare(
    domain: Domain, info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run, budgets: list[int], seeds: int
) -> tuple[list[dict[str, Any]], Verdict]:
    """See `contract.Task.compare`. A budget counts training examples, spread over the classes as in the data.

    The test set stays the same throughout; a seed draws which of them are trained on, the weights and the order.
    """
    settings = domain.settings.parse(recipe.settings)
    check_strategy(recipe.strategy, info.strategies, settings, len(card.stages))
    if recipe.strategy is Strategy.SCRATCH:
        raise InputError(
            Problem("strategy", "scratch is what the others are compared with", "accepted: any other strategy")
        )
    weights.fetch(card)  # before anything that takes long
    prepared = domain.prepare(recipe, card, settings, run)
    training, testing = prepared.part("train"), prepared.part("test")
    budgets = sorted(set(budgets))
    classes, available = len(prepared.classes), len(training)
    for budget in budgets:
        if not classes <= budget <= available:
            accepted = f"accepted: {classes} (one a class) to {available} (all that are left for training)"
            raise InputError(Problem("budgets", f"found {budget}", accepted))
    on = start(settings, run, recipe.strategy)
    labels = testing.labels.numpy()
    correct: dict[tuple[int, Strategy], list[np.ndarray]] = defaultdict(list)
    legs: list[Leg] = []
    total = len(budgets) * seeds * 2
    for budget in budgets:
        for seed in range(recipe.seed, recipe.seed + seeds):
            chosen = torch.tensor(drawn([int(label) for label in training.labels], budget, seed))
            for strategy in (recipe.strategy, Strategy.SCRATCH):
                legs.append(Leg(run, f"{budget}-{seed}-{strategy}"))
                used = settings if strategy is recipe.strategy else transfer.scratch_settings(settings)
                taught = lesson(domain, prepared, card, used, seed=seed, unit=info.unit, run=legs[-1], on=on)
                learnt = transfer.learn(taught, strategy, chosen=chosen)
                answers = answered(domain, used, taught, learnt, testing).argmax(1)
                correct[budget, strategy].append(answers == labels)
                run.emit("progress", phase="comparing", done=len(legs), total=total, unit="trainings")
    for leg in legs:
        shutil.rmtree(leg.path)  # nothing is left to continue
    points = []
    for (budget, strategy), outcomes in correct.items():
        estimate = intervals.over_seeds(
            [intervals.balanced(labels, ours) for ours in outcomes],
            [intervals.balanced_draws(labels, ours) for ours in outcomes],
            len(labels),
        )
        points.append(
            {
                "budget": budget,
                "strategy": str(strategy),
                "mean": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "seeds": seeds,
            }
        )
    pairs = list(zip(correct[budgets[-1], recipe.strategy], correct[budgets[-1], Strategy.SCRATCH], strict=True))
    return points, intervals.judge(paired_over_seeds(labels, pairs), "scratch")


def paired_over_seeds(labels: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Estimate:
    """Transfer minus scratch, each seed's two networks paired on the same training and test examples."""
    return intervals.over_seeds(
        [intervals.balanced(labels, ours) - intervals.balanced(labels, theirs) for ours, theirs in pairs],
        [intervals.paired_draws(labels, ours, theirs) for ours, theirs in pairs],
        len(labels),
    )


class Leg:
    """One training within a comparison: its own checkpoint folder, the whole's events and cancel flag."""

    def __init__(self, run: Run, name: str):
        self.run = run
        self.path = Path(run.path) / name

    def emit(self, kind: str, **data: Any) -> None:
        if kind != "epoch":
            self.run.emit(kind, **data)

    def write(self, name: str, text: str) -> Path:
        return self.run.write(f"{self.path.name}/{name}", text)

    def check_cancelled(self) -> None:
        self.run.check_cancelled()
