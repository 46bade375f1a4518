"""What a network that is trained costs, before it is. Light: pages call it on every change of a choice."""

from __future__ import annotations

import math
from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.cost.work import Sizes, Work
from engines.data.folds import of_baseline
from engines.training.settings import TrainSettings

MOST_SEARCH_STEPS, FEWEST_SEARCH_STEPS = 100, 40
BACKWARD = 2.0
"""A backward pass costs about two forward passes."""
SCRATCH_BATCH = 16
"""Examples at a time, at most, where random weights learn (`transfer.unhurried`)."""
SAVING = 0.05
"""Of the time that may go into saving: large networks on a fast card have long checkpoints of short epochs."""
SAVED = 4 + 4 + 8
"""Bytes a parameter that learns leaves in a checkpoint: the newest, the best, and Adam's two moments."""
MAKING = {"randaugment": 0.074 / 32, "speed": 0.0082, "both": 0.0082}
"""Seconds of a core for an example, by the `augment` for which processors make every batch anew, ahead of a card
(`card.feeding`): a picture of 224 px, and the log-mel of half a minute."""
MOST_WORKERS = 8
"""Processes that do so, at most."""


def forward_macs(card: ModelCard, start: int = 0, stop: int | None = None) -> float:
    """Multiply-accumulates of one example through stages `start` to `stop`."""
    return float(sum(stage.macs for stage in card.stages[start:stop]))


def work(
    card: ModelCard,
    strategy: Strategy,
    settings: TrainSettings,
    sizes: Sizes,
    *,
    warms_up: bool = True,
    unit: str = "MACs",
) -> list[Work]:
    """What a run does that trains this network, its baseline included where the settings ask for one.

    `warms_up`: whatever is pretrained first gets a new head, fitted on features of all stages. `unit` is that of
    multiply-accumulates (see `work.PACE`). Early stopping may end sooner.
    """
    own = _trained(card, strategy, settings, sizes, warms_up=warms_up, unit=unit)
    found = [Work("start", 1, "starts"), *own, Work("keeping", 1, "keeps")]
    if passes := getattr(settings, "masked_words", 0):  # and the same run without them, once more
        found += [read_on(card, passes, sizes, unit), *(replace(one, phase="keeping") for one in own)]
    if settings.baseline == "scratch" and strategy is not Strategy.SCRATCH:
        found += baseline(card, settings, sizes, unit=unit)
    return found


def read_on(card: ModelCard, passes: int, sizes: Sizes, unit: str) -> Work:
    """Continued pretraining (`text.models.masked_words`): a pass for the head alone, and those of the whole network.
    How many texts there are besides those with labels, nobody knows before."""
    once = sizes.each * forward_macs(card) * (sizes.train + sizes.validation)
    return Work("training", once * (1 + passes * (1 + BACKWARD)), unit)


def baseline(card: ModelCard, settings: TrainSettings, sizes: Sizes, *, unit: str = "MACs") -> list[Work]:
    """The same network from random weights, for as long as those take. In folds it is trained for some of them
    (`data.folds.of_baseline`)."""
    own, times = replace(settings, epochs=settings.baseline_epochs, depth=0), 1  # as transfer.scratch_settings
    if sizes.folds:
        times, n_test = of_baseline(sizes.folds, sizes.train), round(sizes.train / sizes.folds)
        n_train = round((sizes.train - n_test) * (1 - settings.validation_fraction))
        sizes = replace(sizes, train=n_train, test=n_test, folds=0)
    alone = _trained(card, Strategy.SCRATCH, own, sizes, warms_up=False, unit=unit)
    return [Work("baseline", times * one.amount, one.unit) for one in alone]


def _trained(
    card: ModelCard, strategy: Strategy, settings: TrainSettings, sizes: Sizes, *, warms_up: bool, unit: str
) -> list[Work]:
    """One training, and its test."""
    card = card.cut(settings.depth if strategy is Strategy.FEATURES else 0)
    stages, each, folds = len(card.stages), sizes.each, sizes.folds
    boundary = strategy.boundary(stages, settings.blocks)
    whole, behind = each * forward_macs(card), each * forward_macs(card, boundary)
    tested = behind * sizes.train if folds else whole * sizes.test
    if strategy is Strategy.ZERO_SHOT:
        return [Work("testing", tested, unit)] if tested else []
    encoded = 0.0
    seen = sizes.train * settings.views + sizes.validation
    if strategy is not Strategy.SCRATCH and warms_up:  # the head is fitted on cached features
        encoded += whole * seen
    if boundary > 0 and (boundary < stages or not warms_up):
        encoded += each * forward_macs(card, 0, boundary) * seen
    if strategy is Strategy.PROTOTYPES:
        encoded = whole * (sizes.train + sizes.validation)  # each as it is, once
        found = [Work("encoding", encoded, unit), Work("testing", tested, unit)]
        return [one for one in found if one.amount > 0]
    learnt_from = sizes.train * (1 - settings.validation_fraction) if folds else sizes.train
    epochs = settings.epochs_for(strategy)
    batch = min(settings.batch_size, SCRATCH_BATCH) if strategy is Strategy.SCRATCH else settings.batch_size
    steps = math.ceil(learnt_from / batch) * epochs
    epoch = behind * learnt_from * (1 + BACKWARD)
    training = (epoch + behind * sizes.validation) * epochs
    if settings.find_learning_rate and settings.learning_rate is None:
        per_epoch = math.ceil(learnt_from / settings.batch_size)
        training += epoch * search_steps(per_epoch * epochs) / per_epoch
    made = 0.0 if boundary else learnt_from * MAKING.get(getattr(settings, "augment", ""), 0.0)
    times = folds or 1  # the model that is kept, and for each fold another one on all but that fold
    found = [
        Work("encoding", encoded, unit),
        Work("training", training * times, unit),
        Work("training", steps * times, "optimiser steps"),
        Work("training", times * epochs * saved(card, strategy, boundary), "bytes saved"),
        Work("training", times * epochs * made, "seconds of a core"),
        Work("testing", tested, unit),
    ]
    found = [one for one in found if one.amount > 0]
    return found + [Work(phase, 1, "beginnings") for phase in dict.fromkeys(one.phase for one in found)]


def saved(card: ModelCard, strategy: Strategy, boundary: int) -> int:
    """Bytes of a checkpoint; 0 where little learns, a head or adapters."""
    if strategy is Strategy.LORA:
        return 0
    return SAVED * sum(stage.parameters for stage in card.stages[boundary:])


def search_steps(steps: int) -> int:
    """How many steps the learning-rate test takes before a training of so many: a third of them, within limits."""
    return min(MOST_SEARCH_STEPS, max(FEWEST_SEARCH_STEPS, steps // 3))
