"""How long a run will take, before it starts. Light: pages call it on every change of a choice."""

from __future__ import annotations

import math
from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.data.folds import of_baseline
from engines.training.settings import TrainSettings

START_UP_SECONDS = 6.0
"""Imports and loading the weights, measured cold on two cores."""
MOST_SEARCH_STEPS, FEWEST_SEARCH_STEPS = 100, 40
BACKWARD = 2.0
"""A backward pass costs about two forward passes."""


def forward_macs(card: ModelCard, start: int = 0, stop: int | None = None) -> float:
    """Multiply-accumulates of one example through stages `start` to `stop`."""
    return float(sum(stage.macs for stage in card.stages[start:stop]))


def seconds(
    card: ModelCard, strategy: Strategy, settings: TrainSettings, *, n_train: int, n_test: int, macs_per_second: float,
    folds: int = 0,
) -> float:  # fmt: skip
    """Expected seconds of a run, its baseline not included.

    `macs_per_second` is what this machine does in a forward pass (the warm server's `machine` measures it).
    With `folds` (see `TrainSettings.folds_for`) `n_train` counts all examples, for each is tested too, and `n_test` is
    0. Early stopping may end sooner.
    """
    stages = len(card.stages)
    boundary = strategy.boundary(stages, settings.blocks)
    once = forward_macs(card) * n_test + (forward_macs(card, boundary) * n_train if folds else 0)
    if strategy is Strategy.ZERO_SHOT:
        return START_UP_SECONDS + once / macs_per_second
    if strategy is not Strategy.SCRATCH:  # the head is warmed up on cached features
        once += forward_macs(card) * n_train * settings.views
    if 0 < boundary < stages:
        once += forward_macs(card, 0, boundary) * n_train * settings.views
    learnt_from = n_train * (1 - settings.validation_fraction) if folds else n_train
    epoch = forward_macs(card, boundary) * learnt_from * (1 + BACKWARD)
    epochs = settings.epochs_for(strategy)
    training = epoch * epochs
    if settings.find_learning_rate and settings.learning_rate is None:
        steps = math.ceil(learnt_from / settings.batch_size)
        training += epoch * search_steps(steps * epochs) / steps
    # the model that is kept, and for each fold another one on all but that fold
    return START_UP_SECONDS + (once + training * (folds or 1)) / macs_per_second


def search_steps(steps: int) -> int:
    """How many steps the learning-rate test takes before a training of so many: a third of them, within limits."""
    return min(MOST_SEARCH_STEPS, max(FEWEST_SEARCH_STEPS, steps // 3))


def baseline_seconds(
    card: ModelCard, settings: TrainSettings, *, n_train: int, n_test: int, macs_per_second: float, folds: int = 0
) -> float:
    """Expected further seconds for training the same network from scratch beside it, for as long as scratch takes.

    In folds it is trained for some of them (`data.folds.of_baseline`).
    """
    own = replace(settings, epochs=None)  # as transfer.scratch_settings
    times = 1
    if folds:
        times, n_test = of_baseline(folds, n_train), round(n_train / folds)
        n_train = round((n_train - n_test) * (1 - settings.validation_fraction))
    run = seconds(card, Strategy.SCRATCH, own, n_train=n_train, n_test=n_test, macs_per_second=macs_per_second)
    return times * (run - START_UP_SECONDS)
