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

from engines.contract import InputError, Problem, Run, Strategy
from engines.training import checkpoint
from engines.training.devices import seed_everything
from engines.training.examples import Examples
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.strategies import parameter_groups

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (B, C), labels (B,)) -> scalar."""
Metric = Callable[[Tensor, Tensor], float]
"""(logits (N, C), labels (N,)) -> the task's metric, on the CPU."""


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
    loss: Loss,
    metric: Metric,
    run: Run,
    accelerator: Accelerator,
    seed: int,
    unit: str,
) -> checkpoint.Progress:
    """Trains what `strategies.apply` left trainable and leaves the best epoch's weights in `network`.

    Inputs that `examples` gives are those of stage `network.boundary`. Without validation data the last epoch is
    the best. Continues from the phase's checkpoint when there is one: every epoch draws its order, augmentation
    and dropout from (seed, phase, epoch) alone, so a resumed run ends where an uninterrupted one would.
    Raises Cancelled, with the last whole epoch checkpointed, and InputError when the loss is no longer a number.
    """
    folder = run.path / "checkpoint" / plan.phase
    network.to(accelerator.device)
    optimiser = torch.optim.AdamW(parameter_groups(network, plan.strategy, plan.learning_rate, settings))
    rates = [group["lr"] for group in optimiser.param_groups]
    progress = checkpoint.Progress()
    if found := checkpoint.load(folder):
        progress, weights, state = found
        network.model.load_state_dict(weights, strict=False)
        optimiser.load_state_dict(state)
        run.emit("note", message=f"Resumed {plan.phase} after epoch {progress.epoch}.")
    model, optimiser = accelerator.prepare(network, optimiser)

    n = len(examples.labels)
    batches = math.ceil(n / settings.batch_size)
    steps = math.ceil(batches / settings.gradient_accumulation) * plan.epochs
    run.emit("phase", name=plan.phase, title=plan.title, series=plan.series)
    started = time.monotonic() - progress.seconds
    resumed_at, resumed_time = progress.epoch, time.monotonic()

    stop_at = min(plan.epochs, plan.stop_after or plan.epochs)
    while progress.epoch < stop_at and not _should_stop(progress, plan, settings):
        generator = seed_everything(seed, plan.phase, progress.epoch)
        order = torch.randperm(n, generator=generator)
        step = progress.epoch * steps // plan.epochs
        train_loss, outputs = 0.0, []
        network.train()
        for number, indices in enumerate(order.split(settings.batch_size)):
            run.check_cancelled()
            inputs = examples.varied(indices, generator).to(accelerator.device)
            labels = examples.labels[indices].to(accelerator.device)
            logits = model(inputs, network.boundary)  # (B, C)
            batch_loss = loss(logits, labels)
            # the last group of an epoch may be smaller; each example still weighs the same within its group
            first = number - number % settings.gradient_accumulation
            group = min(n, (first + settings.gradient_accumulation) * settings.batch_size) - first * settings.batch_size
            accelerator.backward(batch_loss * len(indices) / group)
            if (number + 1) % settings.gradient_accumulation == 0 or number + 1 == batches:
                for parameters, rate in zip(optimiser.param_groups, rates, strict=True):
                    parameters["lr"] = rate * schedule(step, steps)
                accelerator.clip_grad_norm_(network.trainable().values(), 5.0)
                optimiser.step()
                optimiser.zero_grad()
                step += 1
            train_loss += batch_loss.item() * len(indices)
            outputs.append(logits.detach().float().cpu())

        row: dict[str, Any] = {
            "epoch": progress.epoch + 1,
            "train_loss": train_loss / n,
            "train_metric": metric(torch.cat(outputs), examples.labels[order]),
        }
        if validation is not None:
            logits = predict(model, network.boundary, validation, accelerator.device)
            row["validation_loss"] = float(
                loss(logits.to(accelerator.device), validation.labels.to(accelerator.device))
            )
            row["validation_metric"] = metric(logits, validation.labels)
        if not math.isfinite(row["train_loss"] + row.get("validation_loss", 0.0)):
            raise _broken_down(progress.epoch + 1, plan)
        progress.epoch += 1
        progress.seconds = time.monotonic() - started
        is_best = validation is None or row["validation_loss"] < progress.best_loss
        if is_best:
            progress.best_epoch, progress.best_loss = progress.epoch, row.get("validation_loss", row["train_loss"])
        progress.history.append(row)
        checkpoint.save(folder, progress, learnt(network), optimiser.state_dict(), best=is_best)
        per_epoch = (time.monotonic() - resumed_time) / (progress.epoch - resumed_at)
        numbers = row | {
            "best_epoch": progress.best_epoch,
            "learning_rate": max(group["lr"] for group in optimiser.param_groups),
            "rate": n / per_epoch,
            "seconds_left": per_epoch * (stop_at - progress.epoch),
        }
        numbers = {name: round(value, 6) for name, value in numbers.items()}
        run.emit("epoch", phase=plan.phase, series=plan.series, epochs=plan.epochs, unit=unit, **numbers)

    accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    vars(network).pop("_is_accelerate_prepared", None)  # or the next phase would be trained in full precision
    accelerator.free_memory()
    network.model.load_state_dict(checkpoint.best(folder), strict=False)
    network.eval()
    return progress


def predict(model: torch.nn.Module, boundary: int, examples: Examples, device: torch.device, batch: int = 64) -> Tensor:
    """Logits float32 (N, C) on the CPU for the examples as they are."""
    model.eval()
    with torch.no_grad():
        return torch.cat([
            model(examples.plain(indices).to(device), boundary).float().cpu()
            for indices in torch.arange(len(examples.labels)).split(batch)
        ])  # fmt: skip


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


def _broken_down(epoch: int, plan: Plan) -> InputError:
    found = f"with {plan.learning_rate:g} the loss is no longer a number in epoch {epoch}"
    accepted = f"try a smaller one, such as {plan.learning_rate / 10:g}"
    return InputError(Problem("setting learning_rate", found, accepted))


def _should_stop(progress: checkpoint.Progress, plan: Plan, settings: TrainSettings) -> bool:
    stale = progress.epoch - progress.best_epoch >= settings.patience_for(plan.epochs)
    late = settings.max_seconds is not None and progress.epoch > 0 and progress.seconds >= settings.max_seconds
    return stale or late
