"""Teach a recogniser somebody's way of speaking."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from torch import Tensor

from engines import starts, weights
from engines.contract import ModelCard, Run, Strategy
from engines.messages import _
from engines.speech.audio.clips import UNIT
from engines.speech.models import recogniser
from engines.speech.models.recogniser import Recogniser
from engines.speech.models.states import AT_ONCE, Behind, EncoderStates, Spoken, Transcript, behind
from engines.speech.settings import TranscriptionSettings
from engines.training import checkpoint, learnt_weights, strategies
from engines.training.devices import seed_everything
from engines.training.loop import Plan, train
from engines.training.transfer import with_time_left


@dataclass
class TrainSpec:
    """What a recogniser is to learn, from what, where."""

    recogniser: Recogniser
    weights: str
    """Names the pretrained weights: part of what cached states are filed under."""
    strategy: Strategy
    settings: TranscriptionSettings
    seed: int
    run: Run
    on: Accelerator

    def seen(self, examples: Spoken, views: int = 1) -> Spoken | Behind:
        """The examples as they enter what learns: computed once behind the frozen part, as they are without one."""
        network = self.recogniser.network
        if not network.boundary:
            return examples
        return behind(
            network, examples, weights=self.weights, views=views, run=self.run, device=self.on.device, unit=UNIT
        )


@dataclass
class TrainOutcome:
    """What came of it. The network holds the weights that were learnt, `before` those it came with."""

    progress: checkpoint.Progress
    trainable: int
    seconds: float
    before: dict[str, Tensor]
    after: dict[str, Tensor]


def begin(
    card: ModelCard,
    strategy: Strategy,
    settings: TranscriptionSettings,
    *,
    seed: int,
    run: Run,
    on: Accelerator,
    start: Path | None = None,
) -> TrainSpec:
    """The pretrained recogniser, on the device; with the weights of the finished run `start`, where one is given.
    Raises InputError, see `recogniser.build`."""
    if start is None:
        model = recogniser.build(card, settings.language)
    elif (path := start / "model" / learnt_weights.WHOLE).is_file():
        model = recogniser.load(card.name, path, path.parent, settings.language)
    else:  # a recording, which keeps what learnt alone
        raise starts.other_network()
    model.network.to(on.device)
    name = starts.filed_under(weights.sha256(weights.fetch(card)), start)
    return TrainSpec(model, name, strategy, settings, seed, run, on)


def adapt(
    spec: TrainSpec,
    training: Spoken,
    validation: Spoken | None,
    came_with: dict[str, Tensor],
    *,
    phase: str = "fine-tuning",
    title: str = "",
) -> TrainOutcome:
    """Trains what `freeze` left to learn; the best epoch's weights are left in the network. `phase` names its
    checkpoint, `title` says what happens. Raises Cancelled."""
    began = time.monotonic()
    model, settings, strategy = spec.recogniser, spec.settings, spec.strategy
    network = model.network.to(spec.on.device)
    learning = sum(p.numel() for p in network.trainable().values())
    examples = spec.seen(training, settings.views)
    checks = validation and spec.seen(validation)
    plan = Plan(
        phase,
        title or _("Learning from your clips"),
        "transfer",
        strategy,
        settings.epochs_for(strategy),
        settings.learning_rate_for(strategy),
    )
    progress = train(
        network,
        plan,
        examples,
        checks,
        with_time_left(settings, began),
        loss=lambda outputs, targets: model.loss(outputs, targets, settings.label_smoothing),
        metric=None,
        run=spec.run,
        accelerator=spec.on,
        seed=spec.seed,
        unit=UNIT,
    )
    strategies.merge_adapters(network)
    after = {name: value.detach().cpu() for name, value in network.model.state_dict().items()}
    changed = {name for name, value in after.items() if not torch.equal(value, came_with[name])}
    return TrainOutcome(
        progress,
        learning,
        time.monotonic() - began,
        {name: came_with[name] for name in changed},
        {name: after[name].clone() for name in changed},
    )


def freeze(spec: TrainSpec) -> dict[str, Tensor]:
    """Freezes what the strategy freezes and sets the boundary; returns the weights it came with.

    The head is what writes: Whisper's decoder, or the layer that names letters. The vocabulary stays as it came, with
    every strategy, and with `partial` the decoder. Fresh adapters change nothing yet.
    """
    model, strategy, settings = spec.recogniser, spec.strategy, spec.settings
    network = model.network
    came_with = {name: value.detach().cpu().clone() for name, value in network.model.state_dict().items()}
    seed_everything(spec.seed, "adapters")
    if strategy is Strategy.LORA:
        network.boundary = 0
        network.keep_statistics = True
        rank = settings.lora_rank
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=model.adaptable())
        network.adapters = (get_peft_model(network.model, config),)
        return came_with
    strategies.apply(network, strategy, settings)
    stays = model.fixed()
    if strategy is Strategy.ZERO_SHOT:
        stays = list(network.model.parameters())
    elif decoder_stays(spec):
        stays = [*stays, *network.head().parameters()]
    for parameter in stays:
        parameter.requires_grad = False
    return came_with


def decoder_stays(spec: TrainSpec) -> bool:
    """An accent is a matter of the ear: with `partial` Whisper's decoder stays as it came unless it is asked to learn.
    That takes half the time, and forgets less (docs/decisions/008-forgetting.md)."""
    return spec.strategy is Strategy.PARTIAL and spec.recogniser.decodes and not spec.settings.decoder


def transcripts(spec: TrainSpec, examples: Spoken | Behind, seconds: Sequence[float], title: str) -> list[str]:
    """What the network hears now in each example, in their order. Raises Cancelled."""
    return [own.text for own in transcribed(spec, examples, seconds, title)]


def transcribed(spec: TrainSpec, examples: Spoken | Behind, seconds: Sequence[float], title: str) -> list[Transcript]:
    """As `transcripts`, and how sure of each it is."""
    model, run = spec.recogniser, spec.run
    network = model.network.to(spec.on.device).eval()
    start = network.boundary if isinstance(examples, Behind) else 0
    run.emit("phase", name="listening", title=title)
    heard: list[Transcript] = []
    for indices in torch.arange(len(examples)).split(AT_ONCE):
        run.check_cancelled()
        inputs = examples.plain(indices)
        nothing = EncoderStates(inputs.states, torch.zeros(len(indices), 0, dtype=torch.int64)).to(spec.on.device)
        heard += model.write(nothing, start, [seconds[i] for i in indices.tolist()])
        run.emit("progress", phase="listening", done=len(heard), total=len(examples), unit=UNIT)
    return heard
