"""Teach a recogniser somebody's way of speaking, and mix what it learnt with what it knew."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from torch import Tensor

from engines.contract import Run, Strategy
from engines.speech.clips import UNIT
from engines.speech.heard import Behind, Heard, Spoken, behind
from engines.speech.recogniser import Recogniser
from engines.speech.settings import TranscriptionSettings
from engines.training import checkpoint, strategies
from engines.training.devices import seed_everything
from engines.training.loop import Plan, train
from engines.training.transfer import with_time_left

AT_ONCE = 8


@dataclass
class Lesson:
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
class Adapted:
    """What came of it. The network holds the weights that were learnt, `before` those it came with."""

    progress: checkpoint.Progress
    trainable: int
    seconds: float
    before: dict[str, Tensor]
    after: dict[str, Tensor]


def adapt(lesson: Lesson, training: Spoken, validation: Spoken | None, came_with: dict[str, Tensor]) -> Adapted:
    """Trains what `freeze` left to learn; the best epoch's weights are left in the network. Raises Cancelled."""
    began = time.monotonic()
    recogniser, settings, strategy = lesson.recogniser, lesson.settings, lesson.strategy
    network = recogniser.network.to(lesson.on.device)
    learning = sum(p.numel() for p in network.trainable().values())
    examples = lesson.seen(training, settings.views)
    checks = validation and lesson.seen(validation)
    plan = Plan(
        "fine-tuning", "Learning from your clips", "transfer", strategy, settings.epochs_for(strategy),
        settings.learning_rate_for(strategy),
    )  # fmt: skip
    progress = train(
        network, plan, examples, checks, with_time_left(settings, began),
        loss=lambda outputs, targets: recogniser.loss(outputs, targets, settings.label_smoothing),
        metric=None, run=lesson.run, accelerator=lesson.on, seed=lesson.seed, unit=UNIT,
    )  # fmt: skip
    strategies.merge_adapters(network)
    after = {name: value.detach().cpu() for name, value in network.model.state_dict().items()}
    changed = {name for name, value in after.items() if not torch.equal(value, came_with[name])}
    return Adapted(
        progress,
        learning,
        time.monotonic() - began,
        {name: came_with[name] for name in changed},
        {name: after[name].clone() for name in changed},
    )


def freeze(lesson: Lesson) -> dict[str, Tensor]:
    """Freezes what the strategy freezes and sets the boundary; returns the weights it came with.

    The head is what writes: Whisper's decoder, or the layer that names letters. The vocabulary stays as it came, with
    every strategy, and with `partial` the decoder. Fresh adapters change nothing yet.
    """
    recogniser, strategy, settings = lesson.recogniser, lesson.strategy, lesson.settings
    network = recogniser.network
    came_with = {name: value.detach().cpu().clone() for name, value in network.model.state_dict().items()}
    seed_everything(lesson.seed, "adapters")
    if strategy is Strategy.LORA:
        network.boundary = 0
        network.keep_statistics = True
        rank = settings.lora_rank
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=recogniser.adaptable())
        network.adapters = (get_peft_model(network.model, config),)
        return came_with
    strategies.apply(network, strategy, settings)
    stays = recogniser.fixed()
    if strategy is Strategy.ZERO_SHOT:
        stays = list(network.model.parameters())
    elif decoder_stays(lesson):
        stays = [*stays, *network.head().parameters()]
    for parameter in stays:
        parameter.requires_grad = False
    return came_with


def decoder_stays(lesson: Lesson) -> bool:
    """An accent is a matter of the ear: with `partial` Whisper's decoder stays as it came unless it is asked to learn.
    That takes half the time, and forgets less (docs/decisions/008-forgetting.md)."""
    return lesson.strategy is Strategy.PARTIAL and lesson.recogniser.decodes and not lesson.settings.decoder


def mix(lesson: Lesson, adapted: Adapted, share: float) -> None:
    """Sets the network to `share` of the way from what it came with to what it learnt.

    Wortsman et al. 2022, 'Robust fine-tuning of zero-shot models' (WiSE-FT): the straight line between the two often
    keeps most of both.
    """
    state = {name: torch.lerp(was, adapted.after[name], share) for name, was in adapted.before.items()}
    lesson.recogniser.network.model.load_state_dict(state, strict=False)


def transcripts(lesson: Lesson, examples: Spoken | Behind, seconds: Sequence[float], title: str) -> list[str]:
    """What the network hears now in each example, in their order. Raises Cancelled."""
    recogniser, run = lesson.recogniser, lesson.run
    network = recogniser.network.to(lesson.on.device).eval()
    start = network.boundary if isinstance(examples, Behind) else 0
    run.emit("phase", name="listening", title=title)
    heard: list[str] = []
    for indices in torch.arange(len(examples)).split(AT_ONCE):
        run.check_cancelled()
        inputs = examples.plain(indices)
        nothing = Heard(inputs.states, torch.zeros(len(indices), 0, dtype=torch.int64)).to(lesson.on.device)
        heard += recogniser.write(nothing, start, [seconds[i] for i in indices.tolist()])
        run.emit("progress", phase="listening", done=len(heard), total=len(examples), unit=UNIT)
    return heard
