"""From a pretrained writing model to one that writes as your examples do, by any strategy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from engines.contract import Run, Strategy
from engines.messages import _
from engines.text.generative import networks
from engines.text.generative.examples import Batch, Sequences
from engines.text.generative.settings import WritingSettings
from engines.training import array_cache, checkpoint, devices
from engines.training.devices import seed_everything
from engines.training.examples import Pace, batches
from engines.training.loop import Plan, train
from engines.training.staged import Staged, count


@dataclass(frozen=True)
class TrainSpec:
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
class TrainOutcome:
    """A network that has learnt, and how it went. Its adapters, if it has any, are still beside its weights."""

    network: Staged
    progress: checkpoint.Progress
    trainable: int
    seconds: float


def learn(
    spec: TrainSpec,
    strategy: Strategy,
    *,
    series: str = "transfer",
    chosen: Tensor | None = None,
    checked: Tensor | None = None,
) -> TrainOutcome:
    """Trains one network by one strategy, on all training examples or on the `chosen` positions among them; then those
    `checked` among them, where given, take the place of the validation examples.

    There is no new head: the output layer of a language model is trained already. What is frozen runs once over all
    examples ('partial'). Raises InputError and Cancelled.
    """
    began = time.monotonic()
    network = spec.build(strategy is not Strategy.SCRATCH).to(spec.on.device)
    if strategy is Strategy.ZERO_SHOT:
        return TrainOutcome(network, checkpoint.Progress(), 0, time.monotonic() - began)
    settings = spec.settings
    seed_everything(spec.seed, "adapters")
    networks.apply(network, strategy, settings)
    whole, validation = spec.training, spec.validation
    if network.boundary:
        whole = behind(spec, network, whole)
        validation = validation and behind(spec, network, validation)
    training = whole if chosen is None else whole.subset(chosen)
    validation = validation if checked is None else whole.subset(checked)
    scratch = strategy is Strategy.SCRATCH
    plan = Plan(
        "scratch" if scratch else "fine-tuning",
        _("Training the same network from scratch") if scratch else "Fine-tuning",
        series,
        strategy,
        settings.epochs_for(strategy),
        settings.learning_rate_for(strategy),
    )
    progress = train(
        network,
        plan,
        training,
        validation,
        settings,
        loss=token_loss(settings.label_smoothing),
        metric=None,
        metric_of_loss=spec.metric_of_loss,
        run=spec.run,
        accelerator=spec.on,
        seed=spec.seed,
        unit=spec.unit,
    )
    trainable = count(network.trainable().values())
    network.boundary = 0
    return TrainOutcome(network, progress, trainable, time.monotonic() - began)


def token_loss(smoothing: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean negative log-likelihood a token, in nats."""
    return partial(F.cross_entropy, label_smoothing=smoothing)


def behind(spec: TrainSpec, network: Staged, examples: Sequences) -> Sequences:
    """The examples as seen from the freeze boundary: computed once, kept on disk for every later run."""
    config = networks.model_of(network).config
    encodes = config.is_encoder_decoder
    sizes = [len(one.source) if encodes else len(one.ids) - 1 for one in examples.sequences]
    starts = np.cumsum([0, *sizes])
    hidden = int(getattr(config, "hidden_size", None) or config.d_model)
    of = _("What the frozen part makes of {examples:,} {unit}", examples=len(examples), unit=spec.unit)

    def fill(target: np.ndarray) -> None:
        spec.run.emit("phase", name="caching", title=of)
        clock = Pace(len(examples), spec.unit)
        network.eval()
        for indices in batches(examples, 16):
            spec.run.check_cancelled()
            with torch.no_grad(), spec.on.autocast():
                seen: Batch = network.run(examples.plain(indices).to(spec.on.device), 0, network.boundary)
            states = seen.source if encodes else seen.values
            assert states is not None
            for index, own in zip(indices.tolist(), states.float().cpu(), strict=True):
                target[starts[index] : starts[index + 1]] = own[: sizes[index]].numpy()
            clock.step(len(indices), lambda **numbers: spec.run.emit("progress", phase="caching", **numbers))

    computed = (str(spec.on.mixed_precision), *devices.filed_under(spec.on.device))
    name = array_cache.key("sequences", spec.weights, network.boundary, examples.identity, *computed)
    array, found = array_cache.array(name, (int(starts[-1]), hidden), np.dtype("float32"), fill)
    if found:
        spec.run.emit("phase", name="caching", title=_("{of}: known from an earlier run", of=of), known=True)
    states = torch.from_numpy(np.array(array) if array.nbytes < 1 << 30 else array)
    return Sequences(examples.sequences, name, list(states.split(sizes)))
