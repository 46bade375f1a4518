"""How long a run will take, before it starts. Light: pages call it on every change of a choice."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.training.settings import TrainSettings

START_UP_SECONDS = 6.0
"""Imports and loading the weights, measured cold on two cores."""
BACKWARD = 2.0
"""A backward pass costs about two forward passes."""


def forward_macs(card: ModelCard, start: int = 0, stop: int | None = None) -> float:
    """Multiply-accumulates of one example through stages `start` to `stop`."""
    return float(sum(stage.macs for stage in card.stages[start:stop]))


def seconds(
    card: ModelCard, strategy: Strategy, settings: TrainSettings, *, n_train: int, n_test: int, macs_per_second: float
) -> float:
    """Expected seconds of a run, its baseline not included.

    `macs_per_second` is what this machine does in a forward pass (the warm server's `machine` measures it).
    Early stopping may end sooner.
    """
    stages = len(card.stages)
    boundary = strategy.boundary(stages, settings.blocks)
    once = forward_macs(card) * n_test
    if strategy is Strategy.ZERO_SHOT:
        return START_UP_SECONDS + once / macs_per_second
    if strategy is not Strategy.SCRATCH:  # the head is warmed up on cached features
        once += forward_macs(card) * n_train * settings.views
    if 0 < boundary < stages:
        once += forward_macs(card, 0, boundary) * n_train * settings.views
    epoch = forward_macs(card, boundary) * n_train * (1 + BACKWARD)
    return START_UP_SECONDS + (once + epoch * settings.epochs_for(strategy)) / macs_per_second


def baseline_seconds(
    card: ModelCard, settings: TrainSettings, *, n_train: int, n_test: int, macs_per_second: float
) -> float:
    """Expected further seconds for training the same network from scratch beside it, for as long as scratch takes."""
    own = replace(settings, epochs=None)  # as transfer.scratch_settings
    run = seconds(card, Strategy.SCRATCH, own, n_train=n_train, n_test=n_test, macs_per_second=macs_per_second)
    return run - START_UP_SECONDS
