"""The one training loop. Read it top to bottom: order, step, validate, checkpoint, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from engines.contract import Cancelled, InputError, Problem, Run, Strategy
from engines.training import checkpoint, memory
from engines.training.devices import seed_everything
from engines.training.examples import Examples, batches
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.strategies import GRADUAL, first_learning, hold_still, parameter_groups

SAVE_EVERY = 2.0
"""Seconds between two checkpoints of epochs that are shorter than that: a kill costs so much, and not the run."""

Loss = Callable[[Any, Tensor], Tensor]
"""(outputs (B, …), targets (B, …)) -> scalar, the mean over what `Examples.weight` counts."""
Metric = Callable[[Tensor, Tensor], float]
"""(outputs (N, …), targets (N, …)) -> the task's metric, on the CPU."""
Mix = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
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


def train(
    network: Staged,
    plan: Plan,
    examples: Examples,
    validation: Examples | None,
    settings: TrainSettings,
    *,
    run: Run,
    accelerator: Accelerator,
    **given: Any,
) -> checkpoint.Progress:
    """As `train_once`; where memory does not suffice, again from the last checkpoint with half as many examples at a
    time, and gradients gathered over twice as many batches.

    Raises InputError when one example at a time is too much, too.
    """
    before = copied(learnt(network))
    network.to(accelerator.device)
    times = 0
    while True:
        try:
            with network.learning_fast(lambda: examples.plain(torch.arange(1))):
                return train_once(
                    network, plan, examples, validation, settings,
                    run=run, accelerator=accelerator, halved=times, **given,
                )  # fmt: skip
        except Exception as error:
            if not memory.ran_out(error):
                raise
        release(network, accelerator)  # not while the error is handled: its traceback holds on to everything
        memory.free()
        times = max(times, checkpoint.halved(run.path / "checkpoint" / plan.phase)) + 1
        smaller = memory.halved(settings, times)
        if smaller.batch_size == memory.halved(settings, times - 1).batch_size:
            raise memory.too_large()
        network.model.load_state_dict(before, strict=False)
        size, group = smaller.batch_size, smaller.gradient_accumulation
        run.emit("note", message=f"Memory ran out: on with {size} at a time, and {group} such batches a step.")


def train_once(
    network: Staged,
    plan: Plan,
    examples: Examples,
    validation: Examples | None,
    settings: TrainSettings,
    *,
    loss: Loss,
    metric: Metric | None,
    run: Run,
    accelerator: Accelerator,
    seed: int,
    unit: str,
    metric_of_loss: Callable[[float], float] | None = None,
    mix: Mix | None = None,
    halved: int = 0,
) -> checkpoint.Progress:
    """Trains what `strategies.apply` left trainable and leaves the best epoch's weights in `network`.

    Inputs that `examples` gives are those of stage `network.boundary`. Where `metric` is None an epoch's outputs are
    not kept: its metric is `metric_of_loss` of the mean loss, or there is none. Without validation data the last epoch
    is the best. Continues from the phase's checkpoint when there is one: every epoch draws its order, augmentation
    and dropout from (seed, phase, epoch) alone, so a resumed run ends where an uninterrupted one would.
    Batches are halved `halved` times, or as often as in the checkpoint. Raises Cancelled, with the last whole epoch
    checkpointed, and InputError when the loss is no longer a number.
    """
    folder = run.path / "checkpoint" / plan.phase
    groups = parameter_groups(network, plan.strategy, plan.learning_rate, settings)
    optimiser = torch.optim.AdamW(groups, fused=True)  # all at once: eight times as fast on a processor
    rates = [group["lr"] for group in optimiser.param_groups]
    progress = checkpoint.Progress()
    if found := checkpoint.load(folder):
        progress, newest, state = found
        network.model.load_state_dict(newest, strict=False)
        if state:
            optimiser.load_state_dict(state)
        run.emit("note", message=f"Resumed {plan.phase} after epoch {progress.epoch}.")
    elif folder.exists():
        run.emit("note", message=f"The checkpoint of {plan.phase} is damaged: this part starts over.")
    progress.halved = max(progress.halved, halved)
    settings = memory.halved(settings, progress.halved) if progress.halved else settings
    best = checkpoint.best(folder) if found else {}
    model, optimiser = accelerator.prepare(network, optimiser)
    learning, parameters = learnt(network), list(network.trainable().values())
    saved, saved_at = progress.epoch, 0.0

    def save() -> None:
        nonlocal saved, saved_at
        steps_left = progress.epoch < plan.epochs
        checkpoint.save(folder, progress, learning, optimiser.state_dict() if steps_left else {}, best=best)
        saved, saved_at = progress.epoch, time.monotonic()

    n, group = len(examples), settings.gradient_accumulation
    steps = math.ceil(math.ceil(n / settings.batch_size) / group) * plan.epochs
    run.emit("phase", name=plan.phase, title=plan.title, series=plan.series)
    started = time.monotonic() - progress.seconds
    resumed_at, resumed_time = progress.epoch, time.monotonic()

    stop_at = min(plan.epochs, plan.stop_after or plan.epochs)
    while progress.epoch < stop_at and not _should_stop(progress, plan, settings):
        try:
            run.check_cancelled()
        except Cancelled:
            if saved < progress.epoch:
                save()
            raise
        generator = seed_everything(seed, plan.phase, progress.epoch)
        drawn = batches(examples, settings.batch_size, generator)
        weights = [examples.weight(indices) for indices in drawn]
        step = progress.epoch * steps // plan.epochs
        train_loss, kept = 0.0, []
        first_stage = 0
        if settings.gradual and plan.strategy in GRADUAL:
            first_stage = first_learning(len(network.stages), network.boundary, progress.epoch, plan.epochs)
        if validation is not None or progress.epoch == resumed_at:
            network.train()
        for number, (indices, weight) in enumerate(zip(drawn, weights, strict=True)):
            if saved == progress.epoch:  # else the epoch is short: it is finished, and saved with the one before
                run.check_cancelled()
            inputs, targets = examples.varied(indices, generator), examples.targets(indices)
            if mix:
                inputs, targets = mix(inputs, targets, generator)
            outputs = model(inputs.to(accelerator.device), network.boundary)  # (B, …)
            batch_loss = loss(outputs, targets.to(accelerator.device))
            # the last group of an epoch may be smaller; each example still weighs the same within its group
            first = number - number % group
            accelerator.backward(batch_loss * weight / sum(weights[first : first + group]))
            if (number + 1) % group == 0 or number + 1 == len(drawn):
                for options, rate in zip(optimiser.param_groups, rates, strict=True):
                    options["lr"] = rate * schedule(step, steps)
                    if options["stage"] < first_stage:
                        hold_still(options)
                accelerator.clip_grad_norm_(parameters, 5.0)
                optimiser.step()
                optimiser.zero_grad()
                step += 1
            train_loss += batch_loss.item() * weight
            if metric:
                kept.append(outputs.detach().float().cpu())

        row: dict[str, Any] = {"epoch": progress.epoch + 1, "train_loss": train_loss / sum(weights)}
        if metric:
            row["train_metric"] = metric(torch.cat(kept), examples.targets(torch.cat(drawn)))
        if validation is not None and metric:
            answers = predict(model, network.boundary, validation, accelerator.device)
            targets = validation.targets(torch.arange(len(validation)))
            row["validation_loss"] = float(loss(answers.to(accelerator.device), targets.to(accelerator.device)))
            row["validation_metric"] = metric(answers, targets)
        elif validation is not None:
            row["validation_loss"] = mean_loss(model, network.boundary, validation, accelerator.device, loss)
        if metric_of_loss:
            row |= {
                f"{part}_metric": metric_of_loss(row[f"{part}_loss"])
                for part in ("train", "validation")
                if f"{part}_loss" in row
            }
        if not math.isfinite(row["train_loss"] + row.get("validation_loss", 0.0)):
            raise _broken_down(progress.epoch + 1, plan)
        progress.epoch += 1
        progress.seconds = time.monotonic() - started
        is_best = validation is None or row["validation_loss"] < progress.best_loss
        if is_best:
            progress.best_epoch, progress.best_loss = progress.epoch, row.get("validation_loss", row["train_loss"])
        progress.history.append(row)
        if is_best:
            best = learning if validation is None else copied(learning)
        if saved == resumed_at or time.monotonic() - saved_at >= SAVE_EVERY:
            save()
        per_epoch = (time.monotonic() - resumed_time) / (progress.epoch - resumed_at)
        numbers = row | {
            "best_epoch": progress.best_epoch,
            "learning_rate": max(group["lr"] for group in optimiser.param_groups),
            "rate": n / per_epoch,
            "seconds_left": per_epoch * (stop_at - progress.epoch),
        }
        numbers = {name: round(value, 6) for name, value in numbers.items()}
        run.emit("epoch", phase=plan.phase, series=plan.series, epochs=plan.epochs, unit=unit, **numbers)

    if saved < progress.epoch:
        save()
    release(network, accelerator)
    network.model.load_state_dict(best, strict=False)
    network.eval()
    return progress


def release(network: Staged, accelerator: Accelerator) -> None:
    """Takes the network back from accelerate, as it was."""
    accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    vars(network).pop("_is_accelerate_prepared", None)  # or the next phase would be trained in full precision
    if accelerator.device.type != "cpu":
        accelerator.free_memory()
    else:  # that also looks through everything in the process for garbage, which takes half a second
        accelerator._models, accelerator._optimizers = [], []


def predict(model: torch.nn.Module, boundary: int, examples: Examples, device: torch.device, batch: int = 64) -> Tensor:
    """Outputs float32 (N, …) on the CPU for the examples as they are, in their order."""
    model.eval()

    def outputs(size: int) -> Tensor:
        drawn = batches(examples, size)
        with torch.no_grad():
            made = [model(examples.plain(indices).to(device), boundary).float().cpu() for indices in drawn]
        return torch.cat(made)[torch.argsort(torch.cat(drawn))]

    return memory.in_smaller_batches(outputs, batch)


def mean_loss(
    model: torch.nn.Module, boundary: int, examples: Examples, device: torch.device, loss: Loss, batch: int = 16
) -> float:
    """The mean loss on the examples as they are, each with its weight."""
    model.eval()

    def mean(size: int) -> float:
        total = weights = 0.0
        with torch.no_grad():
            for indices in batches(examples, size):
                weight = examples.weight(indices)
                outputs = model(examples.plain(indices).to(device), boundary)
                total += float(loss(outputs, examples.targets(indices).to(device))) * weight
                weights += weight
        return total / weights

    return memory.in_smaller_batches(mean, batch)


def schedule(step: int, steps: int) -> float:
    """Learning-rate factor in [0, 1]: linear over the first tenth, then half a cosine down to 0."""
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def learnt(network: Staged) -> dict[str, Tensor]:
    """What training changes: the trainable parameters, and batch-norm statistics unless they are kept."""
    names = set(network.trainable())
    if not network.keep_statistics:
        names |= {name for name, _ in network.model.named_buffers()}
    return {name: tensor for name, tensor in network.model.state_dict().items() if name in names}


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As they are now, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def _broken_down(epoch: int, plan: Plan) -> InputError:
    found = f"with {plan.learning_rate:g} the loss is no longer a number in epoch {epoch}"
    accepted = f"try a smaller one, such as {plan.learning_rate / 10:g}"
    return InputError(Problem("setting learning_rate", found, accepted))


def _should_stop(progress: checkpoint.Progress, plan: Plan, settings: TrainSettings) -> bool:
    stale = progress.epoch - progress.best_epoch >= settings.patience_for(plan.epochs)
    late = settings.max_seconds is not None and progress.epoch > 0 and progress.seconds >= settings.max_seconds
    return stale or late
