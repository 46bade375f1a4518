"""From a pretrained network to one that knows your classes, by any strategy: the recipe every classifier shares."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F

from engines.contract import Run, Strategy
from engines.training import checkpoint, strategies
from engines.training.devices import seed_everything
from engines.training.examples import Cached, Examples, cache_activations
from engines.training.loop import Metric, Plan, predict, train
from engines.training.settings import DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, TrainSettings
from engines.training.staged import Staged, count
from engines.training.store import key


@dataclass(frozen=True)
class Lesson:
    """What is to be learnt, from what, where. Strategy and series are chosen when it is taught."""

    build: Callable[[bool], Staged]
    """Makes the network with a fresh head, its backbone pretrained (True) or random (False)."""
    weights: str
    """Names the pretrained weights, e.g. their SHA-256: part of what cached activations are filed under."""
    training: Examples
    validation: Examples | None
    classes: int
    settings: TrainSettings
    seed: int
    metric: Metric
    unit: str
    run: Run
    on: Accelerator

    def loss(self, labels: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """Cross-entropy in which every class of `labels` has the same say."""
        weight = class_weights(labels, self.classes).to(self.on.device) if self.settings.balance else None
        summed = partial(F.cross_entropy, weight=weight, label_smoothing=self.settings.label_smoothing, reduction="sum")
        # Over all of `labels` the weights are 1 on average. Dividing by a batch's own weights would undo them in
        # small batches, and accumulated batches would not add up to the large one.
        return lambda logits, of: summed(logits, of) / len(of)


@dataclass
class Learnt:
    """A trained network and how it went."""

    network: Staged
    progress: checkpoint.Progress
    trainable: int
    """Parameters that learnt."""
    seconds: float
    held_out: Tensor | None = None
    """Logits float32 (N, C) on the lesson's validation examples, while none of these had been learnt from yet."""


def learn(lesson: Lesson, strategy: Strategy, *, series: str = "transfer", chosen: Tensor | None = None) -> Learnt:
    """Trains one network by one strategy, on all training examples or on the `chosen` positions among them.

    Whatever is pretrained first gets a head fitted on cached features, then, where the strategy unfreezes more,
    fine-tunes from there: a random head would wreck the backbone's features (Kumar et al. 2022, 'Fine-tuning can
    distort pretrained features and underperform out-of-distribution'). Raises InputError and Cancelled.
    """
    began = time.monotonic()
    chosen = torch.arange(len(lesson.training.labels)) if chosen is None else chosen
    network = lesson.build(strategy is not Strategy.SCRATCH).to(lesson.on.device)
    settings = lesson.settings
    epochs, rate = settings.epochs_for(strategy), settings.learning_rate_for(strategy)
    if strategy is Strategy.SCRATCH:
        lesson = replace(lesson, settings=unhurried(settings, epochs))
        strategies.apply(network, strategy, settings)
        plan = Plan("scratch", "Training the same network from scratch", series, strategy, epochs, rate)
        progress = _train(lesson, network, plan, lesson.training.subset(chosen), lesson.validation)
        held_out = _held_out(lesson, network, lesson.validation)
        return Learnt(network, progress, trainable(network), time.monotonic() - began, held_out)

    strategies.apply(network, Strategy.FEATURES, settings)
    if strategy is Strategy.FEATURES:
        plan = Plan("head", "Fitting the new head", series, strategy, epochs, rate)
        progress, held_out = fit_head(lesson, network, plan, chosen, refit=settings.refit)
        return Learnt(network, progress, trainable(network), time.monotonic() - began, held_out)
    head_epochs, head_rate = DEFAULT_EPOCHS[Strategy.FEATURES], DEFAULT_LEARNING_RATE[Strategy.FEATURES]
    warm_up = Plan("head", "Fitting the new head first", "aside", Strategy.FEATURES, head_epochs, head_rate)
    fit_head(lesson, network, warm_up, chosen, refit=False)

    seed_everything(lesson.seed, "adapters")  # drawn alike, whether the head was fitted just now or before a resume
    strategies.apply(network, strategy, settings)
    learning = trainable(network)
    examples: Examples = lesson.training.subset(chosen)
    checks = lesson.validation
    if network.boundary:
        examples = behind(lesson, network, lesson.training, views=settings.views).subset(chosen)
        checks = checks and behind(lesson, network, checks)
    plan = Plan("fine-tuning", "Fine-tuning", series, strategy, epochs, rate)
    progress = _train(replace(lesson, settings=with_time_left(settings, began)), network, plan, examples, checks)
    strategies.merge_adapters(network)
    held_out = _held_out(lesson, network, checks)
    return Learnt(network, progress, learning, time.monotonic() - began, held_out)


def fit_head(
    lesson: Lesson, network: Staged, plan: Plan, chosen: Tensor, *, refit: bool
) -> tuple[checkpoint.Progress, Tensor | None]:
    """Trains the head alone, on standardised features that the frozen backbone gives once.

    With `refit`, validation only decides for how many epochs: the head is then fitted anew on everything. Also
    returns the validation examples' logits by the head from before that.
    """
    views = lesson.settings.views
    seen = behind(lesson, network, lesson.training, views=views).subset(chosen)
    shift, scale = standardisation(seen.activations)
    scaled = replace(seen, activations=(seen.activations - shift) / scale)
    scaled_out = None
    if lesson.validation is not None:
        held_out = behind(lesson, network, lesson.validation, views=views if refit else 1)
        scaled_out = replace(held_out, activations=(held_out.activations - shift) / scale)
    reset(network.head())
    progress = _train(lesson, network, plan, scaled, scaled_out)
    held_out_logits = _held_out(lesson, network, scaled_out)
    if refit and scaled_out is not None:
        reset(network.head())
        title = "Fitting the head on the held-out part too"
        again = replace(plan, phase="refit", title=title, series="aside", stop_after=progress.best_epoch)
        _train(lesson, network, again, scaled.joined(scaled_out), None)
    fold(network.head(), shift, scale)
    return progress, held_out_logits


def logits(lesson: Lesson, learnt: Learnt, examples: Examples) -> np.ndarray:
    """float32 (N, C): the trained network's outputs on the examples as they are."""
    network = learnt.network.to(lesson.on.device)
    seen = behind(lesson, network, examples) if network.boundary else examples
    return predict(network, network.boundary, seen, lesson.on.device).numpy()


def behind(lesson: Lesson, network: Staged, examples: Examples, *, views: int = 1) -> Cached:
    """The examples as seen from the freeze boundary: computed once, kept on disk for every later run."""
    views = views if examples.variation else 1
    of = f"{len(examples.labels):,} {lesson.unit}" + (f", {views} views each" if views > 1 else "")
    name = key(
        "activations",
        lesson.weights,
        network.boundary,
        examples.identity,
        views,
        examples.variation if views > 1 else "",
    )
    return cache_activations(
        network, examples, views=views, name=name, run=lesson.run, unit=lesson.unit,
        device=lesson.on.device, title=f"What the frozen part sees in {of}",
    )  # fmt: skip


def standardisation(activations: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (D,) of features float32 (N, V, D)."""
    flat = activations.flatten(0, 1)
    return flat.mean(0), flat.std(0).clamp_min(1e-3)


def fold(head: nn.Linear, shift: Tensor, scale: Tensor) -> None:
    """Makes a head that was fitted on (x - shift) / scale read x itself, in place."""
    with torch.no_grad():
        head.weight.div_(scale.to(head.weight.device))
        head.bias.sub_(head.weight @ shift.to(head.weight.device))


def reset(head: nn.Linear) -> None:
    """Zeros: every class starts equally likely, and no seed matters."""
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """float32 (classes,): inverse frequency, 1 on average over the examples; 0 for a class without any."""
    counts = torch.bincount(labels, minlength=classes).float()
    return torch.where(counts > 0, len(labels) / (counts.clamp_min(1) * (counts > 0).sum()), 0.0)


def trainable(network: Staged) -> int:
    return count(network.trainable().values())


def scratch_settings(settings: Any) -> Any:
    """Of the baseline beside a run: its own number of passes and step size, the rest as the run has it."""
    return replace(settings, epochs=None, learning_rate=None)


def with_time_left(settings: TrainSettings, began: float) -> TrainSettings:
    """The settings with what is left of `max_seconds`; one epoch is always trained."""
    if settings.max_seconds is None:
        return settings
    return replace(settings, max_seconds=max(0.0, settings.max_seconds - (time.monotonic() - began)))


def unhurried(settings: TrainSettings, epochs: int) -> TrainSettings:
    """What random weights need to get anywhere on small data: many small steps, and no early end on a plateau.

    A baseline that was not given a chance would flatter the transfer.
    """
    return replace(settings, batch_size=min(settings.batch_size, 16), patience=settings.patience or epochs)


def _train(
    lesson: Lesson, network: Staged, plan: Plan, examples: Examples, validation: Examples | None
) -> checkpoint.Progress:
    return train(
        network, plan, examples, validation, lesson.settings, loss=lesson.loss(examples.labels), metric=lesson.metric,
        run=lesson.run, accelerator=lesson.on, seed=lesson.seed, unit=lesson.unit,
    )  # fmt: skip


def _held_out(lesson: Lesson, network: Staged, validation: Examples | None) -> Tensor | None:
    if validation is None:
        return None
    return predict(network, network.boundary, validation, lesson.on.device)
