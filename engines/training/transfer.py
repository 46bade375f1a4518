"""From a pretrained network to one that knows your classes, by any strategy: the recipe every classifier shares."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F

from engines.contract import Run, Strategy
from engines.messages import _
from engines.training import checkpoint, devices, frozen_onnx, rate_finder, strategies
from engines.training.activation_cache import Cached, cache_activations
from engines.training.array_cache import key
from engines.training.card.recomputed import Recomputed, is_cheaper, told
from engines.training.devices import seed_everything
from engines.training.examples import LabelledExamples
from engines.training.heads import fold, reset, scaling
from engines.training.loop import BatchMix, Metric, Plan, predict, train
from engines.training.parallel import group
from engines.training.settings import TrainSettings
from engines.training.staged import Staged, count
from engines.training.tokens import CachedTokens

S = TypeVar("S", bound=TrainSettings)

FEW = 2000
"""Training examples that a whole network may look at once more after training, to find wrong labels among them."""


@dataclass(frozen=True)
class TrainSpec:
    """What is to be learnt, from what, where. Strategy and series are chosen when it is taught."""

    build: Callable[[bool], Staged]
    """Makes the network with a fresh head, its backbone pretrained (True) or random (False)."""
    weights: str
    """Names the pretrained weights, e.g. their SHA-256: part of what cached activations are filed under."""
    training: LabelledExamples
    validation: LabelledExamples | None
    classes: int
    settings: TrainSettings
    seed: int
    metric: Metric
    unit: str
    run: Run
    on: Accelerator
    mix: BatchMix | None = None
    """Mixes the inputs and classes of a batch, where whole networks learn."""
    zero_shot: Callable[[], Staged] | None = None
    """Makes a network that answers without any example, where the task knows how."""
    begin: Callable[[nn.Linear, Tensor, Tensor], None] | None = None
    """begin(head, shift, scale) puts into a head, which reads (x - shift) / scale, what it starts from; None: zeros."""

    def loss(self, labels: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """Cross-entropy in which every class of `labels` has the same say."""
        weight = class_weights(labels, self.classes).to(self.on.device) if self.settings.balance else None
        summed = partial(F.cross_entropy, weight=weight, label_smoothing=self.settings.label_smoothing, reduction="sum")
        # Over all of `labels` the weights are 1 on average. Dividing by a batch's own weights would undo them in
        # small batches, and accumulated batches would not add up to the large one.
        return lambda logits, of: summed(logits, of) / len(of)


@dataclass
class TrainOutcome:
    """A trained network and how it went."""

    network: Staged
    progress: checkpoint.Progress
    trainable: int
    """Parameters that learnt."""
    seconds: float
    learning_rate: float = 0.0
    """Its peak, given or found."""
    before: Tensor | None = None
    """As `held_out`, but of the frozen features with their head, from before more than the head learnt."""
    held_out: Tensor | None = None
    """Logits float32 (N, C) on the lesson's validation examples, while none of these had been learnt from yet."""
    pretrained: bool = True
    """Whether it began with weights that came with the model."""
    on_training: np.ndarray | None = None
    """Logits float32 (N, C) on the training examples, where somebody asked for them (see `logits_on_training`)."""


def learn(
    lesson: TrainSpec,
    strategy: Strategy,
    *,
    series: str = "transfer",
    chosen: Tensor | None = None,
    checked: Tensor | None = None,
) -> TrainOutcome:
    """Trains one network by one strategy, on all training examples or on the `chosen` positions among them; those
    `checked` among them, where given, take the place of the validation examples.

    Whatever is pretrained first gets a head fitted on cached features, then, where the strategy unfreezes more,
    fine-tunes from there: a random head would wreck the backbone's features (Kumar et al. 2022, 'Fine-tuning can
    distort pretrained features and underperform out-of-distribution'). Raises InputError and Cancelled.
    """
    began = time.monotonic()
    chosen = torch.arange(len(lesson.training)) if chosen is None else chosen
    settings = lesson.settings
    if strategy is Strategy.ZERO_SHOT:
        assert lesson.zero_shot  # the task offers the strategy
        network = lesson.zero_shot().to(lesson.on.device)
        strategies.apply(network, Strategy.FEATURES, settings)
        return TrainOutcome(network, checkpoint.Progress(), 0, time.monotonic() - began)
    network = lesson.build(strategy is not Strategy.SCRATCH).to(lesson.on.device)
    epochs, rate = settings.epochs_for(strategy), settings.learning_rate_for(strategy)
    if strategy is Strategy.SCRATCH:
        lesson = replace(lesson, settings=unhurried(settings, epochs))
        strategies.apply(network, strategy, settings)
        plan = Plan("scratch", _("Training the same network from scratch"), series, strategy, epochs, rate)
        own = lesson.training.subset(chosen)
        checks = lesson.validation if checked is None else lesson.training.subset(checked)
        plan = with_rate(lesson, network, plan, own)
        progress = _train(lesson, network, plan, own, checks)
        held_out = _held_out(lesson, network, checks)
        seconds = time.monotonic() - began
        return TrainOutcome(
            network, progress, trainable(network), seconds, plan.learning_rate, held_out=held_out, pretrained=False
        )

    strategies.apply(network, Strategy.FEATURES, settings)
    if strategy is Strategy.FEATURES:
        plan = Plan("head", _("Fitting the new head"), series, strategy, epochs, rate)
        progress, held_out, rate = fit_head(lesson, network, plan, chosen, checked, refit=settings.refit)
        return TrainOutcome(network, progress, trainable(network), time.monotonic() - began, rate, held_out=held_out)
    head_epochs, head_rate = settings.default_epochs[Strategy.FEATURES], settings.default_rates[Strategy.FEATURES]
    warm_up = Plan("head", _("Fitting the new head first"), "aside", Strategy.FEATURES, head_epochs, head_rate)
    _unused, before, _unused2 = fit_head(lesson, network, warm_up, chosen, checked, refit=False)

    seed_everything(lesson.seed, "adapters")  # drawn alike, whether the head was fitted just now or before a resume
    strategies.apply(network, strategy, settings)
    learning = trainable(network)
    whole: LabelledExamples = lesson.training
    checks = lesson.validation
    if network.boundary:
        whole = cached_behind_boundary(lesson, network, whole, views=settings.views)
        checks = checks and cached_behind_boundary(lesson, network, checks)
    examples = whole.subset(chosen)
    checks = checks if checked is None else whole.subset(checked)
    plan = Plan("fine-tuning", "Fine-tuning", series, strategy, epochs, rate)
    plan = with_rate(lesson, network, plan, examples)
    progress = _train(replace(lesson, settings=with_time_left(settings, began)), network, plan, examples, checks)
    strategies.merge_adapters(network)
    held_out = _held_out(lesson, network, checks)
    return TrainOutcome(network, progress, learning, time.monotonic() - began, plan.learning_rate, before, held_out)


def fit_head(
    lesson: TrainSpec, network: Staged, plan: Plan, chosen: Tensor, checked: Tensor | None, *, refit: bool
) -> tuple[checkpoint.Progress, Tensor | None, float]:
    """Trains the head alone, on features that the frozen backbone gives once, standardised unless they are few.

    With `refit`, validation only decides for how many epochs: the head is then fitted anew on everything. Also
    returns the validation examples' logits by the head from before that, and its learning rate.
    """
    views = lesson.settings.views
    whole = features(lesson, network, lesson.training, views=views)
    seen = whole.subset(chosen)
    shift, scale = scaling(seen.activations, seen.labels)
    scaled = replace(seen, activations=(seen.activations - shift) / scale)
    scaled_out = held_out = None
    if checked is not None:
        held_out = whole.subset(checked)
    elif lesson.validation is not None:
        held_out = features(lesson, network, lesson.validation, views=views if refit else 1)
    if held_out is not None:
        scaled_out = replace(held_out, activations=(held_out.activations - shift) / scale)
    begin = lesson.begin or reset
    begin(network.head(), shift, scale)
    plan = with_rate(lesson, network, plan, scaled)
    progress = _train(lesson, network, plan, scaled, scaled_out)
    held_out_logits = _held_out(lesson, network, scaled_out)
    if refit and scaled_out is not None:
        begin(network.head(), shift, scale)
        title = _("Fitting the head on the held-out part too")
        again = replace(plan, phase="refit", title=title, series="aside", stop_after=progress.best_epoch)
        _train(lesson, network, again, scaled.joined(scaled_out), None)
    fold(network.head(), shift, scale)
    return progress, held_out_logits, plan.learning_rate


def with_rate(lesson: TrainSpec, network: Staged, plan: Plan, examples: LabelledExamples) -> Plan:
    """The plan with the learning rate that a test of it suggests, where the settings ask for one.

    Not for steps on the way. What was found is kept with the checkpoints: a resumed run goes on with the same.
    """
    settings = lesson.settings
    if not settings.find_learning_rate or settings.learning_rate is not None or plan.series == "aside":
        return plan
    return replace(plan, learning_rate=group.told(lambda: _rate(lesson, network, plan, examples)))


def _rate(lesson: TrainSpec, network: Staged, plan: Plan, examples: LabelledExamples) -> float:
    settings, kept = lesson.settings, lesson.run.path / "checkpoint" / f"{plan.phase}.rate"
    if kept.is_file():
        return float(kept.read_text(encoding="utf-8"))
    lesson.run.emit("phase", name="search", title=_("Looking for a learning rate"))
    rate = rate_finder.find(
        network,
        plan.strategy,
        examples,
        settings,
        loss=lesson.loss(examples.labels),
        run=lesson.run,
        accelerator=lesson.on,
        seed=lesson.seed,
        phase=plan.phase,
        steps=math.ceil(len(examples) / settings.batch_size) * plan.epochs,
    )
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(repr(rate), encoding="utf-8")
    return rate


def logits(lesson: TrainSpec, learnt: TrainOutcome, examples: LabelledExamples, at: Tensor | None = None) -> np.ndarray:
    """float32 (N, C): the trained network's outputs on the examples as they are, or on those at some positions."""
    network = learnt.network.to(lesson.on.device)
    views = lesson.settings.views if examples is lesson.training else 1  # those were seen while it learnt
    seen = cached_behind_boundary(lesson, network, examples, views=views) if network.boundary else examples
    seen = seen if at is None else seen.subset(at)
    return predict(network, network.boundary, seen, lesson.on.device).numpy()


def features(lesson: TrainSpec, network: Staged, examples: LabelledExamples, *, views: int) -> Cached:
    """What the head reads of the examples, where all stages are frozen."""
    seen = cached_behind_boundary(lesson, network, examples, views=views)
    assert isinstance(seen, Cached)  # the last stage pools
    return seen


def logits_on_training(lesson: TrainSpec, learnt: TrainOutcome) -> np.ndarray | None:
    """float32 (N, C): the trained network's outputs on the training examples as they are.

    None where that would take long: there are many, and no frozen part that has seen them already.
    """
    network = learnt.network.to(lesson.on.device)
    if not network.boundary and len(lesson.training) > FEW:
        return None
    examples: LabelledExamples = lesson.training
    if network.boundary:
        examples = cached_behind_boundary(lesson, network, examples, views=lesson.settings.views)
    return predict(network, network.boundary, examples, lesson.on.device).numpy()


def cached_behind_boundary(
    lesson: TrainSpec, network: Staged, examples: LabelledExamples, *, views: int = 1
) -> Cached | CachedTokens | Recomputed:
    """The examples as seen from the freeze boundary: computed once, kept on disk for every later run; or as they are,
    to pass the frozen part each time, on a card that computes it sooner than it is read."""
    views = views if examples.variation else 1
    of = f"{len(examples):,} {lesson.unit}" + (_(", {views} views each", views=views) if views > 1 else "")
    wanted = getattr(lesson.settings, "frozen_part", "torch")  # offered where inputs are tensors
    engine = frozen_onnx.engine(wanted, len(examples) * views, lesson.on.device)
    name = key(
        "activations",
        lesson.weights,
        network.boundary,
        examples.identity,
        views,
        examples.variation if views > 1 else "",
        *([engine] if engine != "torch" else []),
        *(["pooled"] if network.ends_early else []),
        *devices.filed_under(lesson.on.device),
    )
    title = _("What the frozen part sees in {of}", of=of)
    if is_cheaper(network, examples, lesson.settings, views=views, name=name, device=lesson.on.device):
        return told(examples, lesson.run, title)
    return cache_activations(
        network,
        examples,
        views=views,
        name=name,
        run=lesson.run,
        unit=lesson.unit,
        device=lesson.on.device,
        title=title,
        engine=engine,
        weights=lesson.weights,
    )


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """float32 (classes,): inverse frequency, 1 on average over the examples; 0 for a class without any."""
    counts = torch.bincount(labels, minlength=classes).float()
    return torch.where(counts > 0, len(labels) / (counts.clamp_min(1) * (counts > 0).sum()), 0.0)


def trainable(network: Staged) -> int:
    return count(network.trainable().values())


def scratch_settings(settings: S) -> S:
    """Of the baseline beside a run: its own passes and step size, and all blocks; the rest as the run has it."""
    return replace(settings, epochs=settings.baseline_epochs, learning_rate=None, depth=0)


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
    lesson: TrainSpec, network: Staged, plan: Plan, examples: LabelledExamples, validation: LabelledExamples | None
) -> checkpoint.Progress:
    return train(
        network,
        plan,
        examples,
        validation,
        lesson.settings,
        loss=lesson.loss(examples.labels),
        metric=lesson.metric,
        run=lesson.run,
        accelerator=lesson.on,
        seed=lesson.seed,
        unit=lesson.unit,
        mix=None if network.boundary else lesson.mix,
    )


def _held_out(lesson: TrainSpec, network: Staged, validation: LabelledExamples | None) -> Tensor | None:
    if validation is None:
        return None
    return predict(network, network.boundary, validation, lesson.on.device)
