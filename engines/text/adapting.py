"""From a pretrained writing model to one that writes as your examples do, by any strategy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from engines.contract import Run, Strategy
from engines.text import writers
from engines.text.sequences import Batch, Sequences
from engines.text.writing_settings import WritingSettings
from engines.training import checkpoint, store
from engines.training.devices import seed_everything
from engines.training.examples import Pace, batches
from engines.training.loop import Plan, train
from engines.training.staged import Staged, count


@dataclass(frozen=True)
class WritingLesson:
    """What is to be learnt, from what, where."""

    build: Callable[[bool], Staged]
    """Makes the network, pretrained (True) or random (False)."""
    weights: str
    """Names the pretrained weights: part of what cached activations are filed under."""
    training: Sequences
    validation: Sequences | None
    settings: WritingSettings
    seed: int
    metric_of_loss: Callable[[float], float] | None
    unit: str
    run: Run
    on: Accelerator


@dataclass
class Adapted:
    """A network that has learnt, and how it went. Its adapters, if it has any, are still beside its weights."""

    network: Staged
    progress: checkpoint.Progress
    trainable: int
    seconds: float


def learn(
    lesson: WritingLesson, strategy: Strategy, *, series: str = "transfer", chosen: Tensor | None = None
) -> Adapted:
    """Trains one network by one strategy, on all training examples or on the `chosen` positions among them.

    There is no new head: the output layer of a language model is trained already. What is frozen runs once over all
    examples ('partial'). Raises InputError and Cancelled.
    """
    began = time.monotonic()
    network = lesson.build(strategy is not Strategy.SCRATCH).to(lesson.on.device)
    if strategy is Strategy.ZERO_SHOT:
        return Adapted(network, checkpoint.Progress(), 0, time.monotonic() - began)
    settings = lesson.settings
    seed_everything(lesson.seed, "adapters")
    writers.apply(network, strategy, settings)
    training = lesson.training if chosen is None else lesson.training.subset(chosen)
    validation = lesson.validation
    if network.boundary:
        training = behind(lesson, network, training)
        validation = validation and behind(lesson, network, validation)
    scratch = strategy is Strategy.SCRATCH
    plan = Plan(
        "scratch" if scratch else "fine-tuning",
        "Training the same network from scratch" if scratch else "Fine-tuning",
        series, strategy, settings.epochs_for(strategy), settings.learning_rate_for(strategy),
    )  # fmt: skip
    progress = train(
        network, plan, training, validation, settings, loss=token_loss(settings.label_smoothing), metric=None,
        metric_of_loss=lesson.metric_of_loss, run=lesson.run, accelerator=lesson.on, seed=lesson.seed,
        unit=lesson.unit,
    )  # fmt: skip
    trainable = count(network.trainable().values())
    network.boundary = 0
    return Adapted(network, progress, trainable, time.monotonic() - began)


def token_loss(smoothing: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean negative log-likelihood a token, in nats."""
    return partial(F.cross_entropy, label_smoothing=smoothing)


def behind(lesson: WritingLesson, network: Staged, examples: Sequences) -> Sequences:
    """The examples as seen from the freeze boundary: computed once, kept on disk for every later run."""
    config: Any = network.model.config
    encodes = config.is_encoder_decoder
    sizes = [len(one.source) if encodes else len(one.ids) - 1 for one in examples.sequences]
    starts = np.cumsum([0, *sizes])
    hidden = int(getattr(config, "hidden_size", None) or config.d_model)
    of = f"What the frozen part makes of {len(examples):,} {lesson.unit}"

    def fill(target: np.ndarray) -> None:
        lesson.run.emit("phase", name="caching", title=of)
        clock = Pace(len(examples), lesson.unit)
        network.eval()
        for indices in batches(examples, 16):
            lesson.run.check_cancelled()
            with torch.no_grad(), lesson.on.autocast():
                seen: Batch = network.run(examples.plain(indices).to(lesson.on.device), 0, network.boundary)
            states = seen.source if encodes else seen.values
            assert states is not None
            for index, own in zip(indices.tolist(), states.float().cpu(), strict=True):
                target[starts[index] : starts[index + 1]] = own[: sizes[index]].numpy()
            clock.step(len(indices), lambda **numbers: lesson.run.emit("progress", phase="caching", **numbers))

    precision = str(lesson.on.mixed_precision)
    name = store.key("sequences", lesson.weights, network.boundary, examples.identity, precision)
    array, found = store.array(name, (int(starts[-1]), hidden), np.dtype("float32"), fill)
    if found:
        lesson.run.emit("phase", name="caching", title=f"{of}: known from an earlier run")
    states = torch.from_numpy(np.array(array) if array.nbytes < 1 << 30 else array)
    return Sequences(examples.sequences, name, list(states.split(sizes)))
