"""The one training loop. Read it top to bottom: order, step, validate, checkpoint, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from engines.contract import Cancelled, InputError, Problem, Run, Strategy
from engines.messages import _
from engines.training import checkpoint, memory
from engines.training.card import room
from engines.training.card.feeding import Feed, moved
from engines.training.devices import laid_back, laid_out, seed_everything
from engines.training.examples import Examples, batches, entry
from engines.training.parallel import group
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.strategies import GRADUAL, first_learning, lead, parameter_groups, schedule

Loss = Callable[[Any, Any], Tensor]
"""(outputs (B, …), `Targets` (B, …)) -> scalar, the mean over what `Examples.weight` counts."""
Metric = Callable[[Tensor, Tensor], float]
"""(outputs (N, …), targets (N, …)) -> the task's metric, on the CPU."""
BatchMix = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""(inputs (B, …), labels (B,), generator) -> mixed inputs, and for each the share of every class, float (B, C)."""


@dataclass(frozen=True)
class Plan:
    """One stretch of training within a run."""

    phase: str
    """Names the checkpoint: 'head', 'fine-tuning' or 'scratch'."""
    title: str
    """What a person reads while it runs."""
    series: str
    """Which curve its epochs belong to: 'transfer' or 'scratch'."""
    strategy: Strategy
    epochs: int
    learning_rate: float
    stop_after: int | None = None
    """Ends here, though the learning rate was planned for all of `epochs`."""


@dataclass(frozen=True)
class Objective:
    """What is made smaller, by what draws, and what is told of it."""

    loss: Loss
    metric: Metric | None
    """None: an epoch's outputs are not kept."""
    unit: str
    """Of the examples, for people: 'photographs'."""
    seed: int
    """Draws order, augmentation and dropout."""
    metric_of_loss: Callable[[float], float] | None = None
    """The metric, of a mean loss."""
    mix: BatchMix | None = None
    measured: Callable[[], float] | None = None
    """The metric of the validation examples by the network as it is, where that is more than a `metric` of outputs."""


def train(
    network: Staged,
    plan: Plan,
    examples: Examples,
    validation: Examples | None,
    settings: TrainSettings,
    *,
    run: Run,
    accelerator: Accelerator,
    **objective: Any,
) -> checkpoint.Progress:
    """As `train_once` with an `Objective` of what else is given; where memory does not suffice, again from the last
    checkpoint with half as many examples at a time, and gradients gathered over twice as many batches. Of a card's
    memory once with as many: another program may have had it for a moment.

    Raises InputError when one example at a time is too much, too.
    """
    given = {"run": run, "accelerator": accelerator, **objective}
    if not group.shared(network, plan.strategy):
        progress = group.told(lambda: train(network, plan, examples, validation, settings, **given))
        group.spread(learnt(network).values())
        return progress
    before = checkpoint.copied(learnt(network))
    aim, times, once_more = Objective(**objective), 0, True
    while True:
        laid_out(network, accelerator.device)
        try:
            near: Any = examples, validation
            if once_more:  # where memory ran out, it is the network's
                halves = accelerator.mixed_precision == "bf16"
                near = [room.placed(each, accelerator.device, halves=halves) for each in near]
            with network.learning_fast(lambda: examples.plain(torch.arange(1))):
                return train_once(network, plan, near[0], near[1], settings, aim, run, accelerator, halved=times)
        except Exception as error:
            if not memory.ran_out(error) or group.size() > 1:  # the others would wait for it
                raise
            again = once_more and memory.on_card(error)
        near = None
        release(network, accelerator)  # not while the error is handled: its traceback holds on to everything
        memory.free()
        network.model.load_state_dict(before, strict=False)
        once_more = False
        if again:
            continue
        times = max(times, checkpoint.halved(run.path / "checkpoint" / plan.phase)) + 1
        smaller = memory.halved(settings, times)
        if smaller.batch_size == memory.halved(settings, times - 1).batch_size:
            raise memory.too_large()
        run.emit(
            "note",
            message=_(
                "Memory ran out: on with {size} at a time, and {group} such batches a step.",
                size=smaller.batch_size,
                group=smaller.gradient_accumulation,
            ),
        )


def train_once(
    network: Staged,
    plan: Plan,
    examples: Examples,
    validation: Examples | None,
    settings: TrainSettings,
    aim: Objective,
    run: Run,
    accelerator: Accelerator,
    *,
    halved: int = 0,
) -> checkpoint.Progress:
    """Trains what `strategies.apply` left trainable and leaves the best epoch's weights in `network`.

    Inputs that `examples` gives are those of stage `network.boundary`. Without validation data the last epoch is the
    best. Continues from the phase's checkpoint when there is one: every epoch draws its order, augmentation and dropout
    from (seed, phase, epoch) alone, so a resumed run ends where an uninterrupted one would. Batches are halved
    `halved` times, or as often as in the checkpoint. Raises Cancelled, with the last whole epoch checkpointed, and
    InputError when the loss is no longer a number.
    """
    group.spread(learnt(network).values())
    groups = parameter_groups(network, plan.strategy, plan.learning_rate, settings)
    optimiser = torch.optim.AdamW(groups, fused=True)  # all at once: eight times as fast on a processor
    rates = [options["lr"] for options in optimiser.param_groups]
    progress, best = _resumed(network, plan, optimiser, run)
    progress.halved = max(progress.halved, halved)
    settings = memory.halved(settings, progress.halved) if progress.halved else settings
    model, optimiser = accelerator.prepare(network, optimiser)
    folder = run.path / "checkpoint" / plan.phase
    kept = checkpoint.Kept(folder, plan.epochs, progress, learnt(network), optimiser, best, progress.epoch)
    parameters = list(network.trainable().values())
    at_once = settings.gradient_accumulation
    enters = entry(examples, network.boundary)
    feed = Feed(examples, accelerator.device, settings.batch_size)
    steps = math.ceil(math.ceil(len(examples) / settings.batch_size) / at_once) * plan.epochs
    looks = math.ceil(len(examples) / settings.batch_size) * plan.epochs
    run.emit("phase", name=plan.phase, title=plan.title, series=plan.series, batches=looks)
    started = time.monotonic() - progress.seconds
    resumed_at, resumed_time = progress.epoch, time.monotonic()

    stop_at = min(plan.epochs, plan.stop_after or plan.epochs)
    while group.told(lambda: progress.epoch < stop_at and not _should_stop(progress, plan, settings)):
        try:
            run.check_cancelled()
        except Cancelled:
            kept.save()
            raise
        generator = group.draw_apart(seed_everything(aim.seed, plan.phase, progress.epoch))
        drawn = batches(examples, settings.batch_size, generator)
        weights = [examples.weight(indices) for indices in drawn]
        shares = group.shares(examples, drawn, weights)
        step, losses, answers, first_stage = progress.epoch * steps // plan.epochs, [], [], 0
        if settings.gradual and plan.strategy in GRADUAL:
            first_stage = first_learning(len(network.stages), network.boundary, progress.epoch, plan.epochs)
        if validation is not None or progress.epoch == resumed_at:
            network.train()
        made = feed.epoch(shares.made, generator, aim.seed, plan.phase, progress.epoch)
        for number, weight in enumerate(shares.weights):
            if not kept.is_behind:  # else the epoch is short: it is finished, and saved with the one before
                run.check_cancelled()
            inputs, targets = next(made)
            if aim.mix:
                inputs, targets = aim.mix(inputs, targets, generator)
            inputs, targets = shares.cut(number, inputs, targets)
            outputs = model(moved(inputs, accelerator.device), enters)  # (B, …)
            batch_loss = aim.loss(outputs, moved(targets, accelerator.device))
            # the last group of an epoch may be smaller; each example still weighs the same within its group
            first = number - number % at_once
            accelerator.backward(batch_loss * weight / sum(weights[first : first + at_once]))
            if (number + 1) % at_once == 0 or number + 1 == len(drawn):
                group.add_gradients(parameters)
                lead(optimiser, rates, schedule(step, steps), first_stage)
                accelerator.clip_grad_norm_(parameters, 5.0)
                optimiser.step()
                optimiser.zero_grad()
                step += 1
            losses.append(batch_loss.detach())  # read once an epoch: each look would wait for the card
            if aim.metric:
                answers.append(outputs.detach().float()[: len(shares.own[number])])

        row = {"epoch": progress.epoch + 1, "train_loss": _weighted(losses, shares.weights) / sum(weights)}
        if aim.metric:
            seen = group.gathered(torch.cat(list(shares.own)))
            row["train_metric"] = aim.metric(group.gathered(torch.cat(answers).cpu()), examples.targets(seen))
        if validation is not None:
            row |= _validated(model, network.boundary, validation, aim, accelerator.device)
        if aim.measured:
            row["validation_metric"] = group.told(aim.measured)
        if aim.metric_of_loss:
            row |= {
                f"{part}_metric": aim.metric_of_loss(row[f"{part}_loss"])
                for part in ("train", "validation")
                if f"{part}_loss" in row
            }
        if not math.isfinite(row["train_loss"] + row.get("validation_loss", 0.0)):
            raise _broken_down(progress.epoch + 1, plan)
        progress.seconds = time.monotonic() - started
        kept.add(row)
        if kept.epoch == resumed_at or kept.is_due:
            kept.save()
        per_epoch = (time.monotonic() - resumed_time) / (progress.epoch - resumed_at)
        numbers = row | {
            "best_epoch": progress.best_epoch,
            "learning_rate": max(options["lr"] for options in optimiser.param_groups),
            "rate": len(examples) / per_epoch,
            "seconds_left": per_epoch * (stop_at - progress.epoch),
        }
        numbers = {name: round(value, 6) for name, value in numbers.items()}
        run.emit("epoch", phase=plan.phase, series=plan.series, epochs=plan.epochs, unit=aim.unit, **numbers)

    kept.save()
    feed.close()
    release(network, accelerator)
    network.model.load_state_dict(kept.best, strict=False)
    network.eval()
    return progress


def _resumed(
    network: Staged, plan: Plan, optimiser: torch.optim.Optimizer, run: Run
) -> tuple[checkpoint.Progress, dict[str, Tensor]]:
    """How far the phase's checkpoint is, and its best weights. Puts the newest and the optimiser's state in place."""
    folder = run.path / "checkpoint" / plan.phase
    if not (found := group.told(lambda: checkpoint.load(folder))):
        if folder.exists():
            damaged = _("The checkpoint of {phase} is damaged: this part starts over.", phase=plan.phase)
            run.emit("note", message=damaged)
        return checkpoint.Progress(), {}
    progress, newest, state = found
    network.model.load_state_dict(newest, strict=False)
    if state:
        optimiser.load_state_dict(state)
    run.emit("note", message=_("Resumed {phase} after epoch {epoch}.", phase=plan.phase, epoch=progress.epoch))
    return progress, group.told(lambda: checkpoint.best(folder))


def _validated(
    model: torch.nn.Module, boundary: int, validation: Examples, aim: Objective, device: torch.device
) -> dict[str, float]:
    """Loss and, where the outputs are kept, metric of the validation examples."""
    if (metric := aim.metric) is None:
        return {"validation_loss": mean_loss(model, boundary, validation, device, aim.loss)}

    def judged() -> dict[str, float]:
        answers = predict(model, boundary, validation, device)
        targets = validation.targets(torch.arange(len(validation)))
        loss = float(aim.loss(answers.to(device), targets.to(device)))
        return {"validation_loss": loss, "validation_metric": metric(answers, targets)}

    return group.told(judged)


def _weighted(losses: list[Tensor], weights: Sequence[float]) -> float:
    """The sum of the losses of all processes, each with its weight, read from the device at once."""
    read = torch.stack(losses).tolist() if losses else []
    return group.total(sum(loss * weight for loss, weight in zip(read, weights, strict=True)))


def release(network: Staged, accelerator: Accelerator) -> None:
    """Takes the network back from accelerate, as it was."""
    accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    laid_back(network, accelerator.device)
    vars(network).pop("_is_accelerate_prepared", None)  # or the next phase would be trained in full precision
    # accelerate's own way also looks through everything in the process for garbage, which takes half a second
    accelerator._models, accelerator._optimizers = [], []


def predict(model: torch.nn.Module, boundary: int, examples: Examples, device: torch.device, batch: int = 64) -> Tensor:
    """Outputs float32 (N, …) on the CPU for the examples as they are, in their order."""
    model.eval()
    boundary = entry(examples, boundary)

    def outputs(size: int) -> Tensor:
        drawn = batches(examples, size)
        with torch.no_grad():
            made = [model(examples.plain(indices).to(device), boundary).float() for indices in drawn]
        return torch.cat(made).cpu()[torch.argsort(torch.cat(drawn))]

    return memory.in_smaller_batches(outputs, room.answered(device, batch))


def mean_loss(
    model: torch.nn.Module, boundary: int, examples: Examples, device: torch.device, loss: Loss, batch: int = 16
) -> float:
    """The mean loss on the examples as they are, each with its weight."""
    model.eval()
    boundary, most = entry(examples, boundary), room.answered(device, batch)
    own = group.in_turn(batches(examples, most))

    def summed(size: int) -> float:
        drawn = [part for indices in own for part in indices.split(size)]
        with torch.no_grad():
            losses = [
                loss(model(examples.plain(indices).to(device), boundary), examples.targets(indices).to(device))
                for indices in drawn
            ]
        return _weighted(losses, [examples.weight(indices) for indices in drawn])

    return memory.in_smaller_batches(summed, most) / examples.weight(torch.arange(len(examples)))


def learnt(network: Staged) -> dict[str, Tensor]:
    """What training changes: the trainable parameters, and batch-norm statistics unless they are kept."""
    names = set(network.trainable())
    if not network.keep_statistics:
        names |= {name for name, _ in network.model.named_buffers()}
    return {name: tensor for name, tensor in network.model.state_dict().items() if name in names}


def _broken_down(epoch: int, plan: Plan) -> InputError:
    found = _(
        "with {learning_rate:g} the loss is no longer a number in epoch {epoch}",
        learning_rate=plan.learning_rate,
        epoch=epoch,
    )
    accepted = _("try a smaller one, such as {learning_rate:g}", learning_rate=plan.learning_rate / 10)
    return InputError(Problem(_("setting learning_rate"), found, accepted))


def _should_stop(progress: checkpoint.Progress, plan: Plan, settings: TrainSettings) -> bool:
    stale = progress.epoch - progress.best_epoch >= settings.patience_for(plan.epochs)
    late = settings.max_seconds is not None and progress.epoch > 0 and progress.seconds >= settings.max_seconds
    return stale or late
