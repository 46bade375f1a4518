"""Which learning rate suits: it is raised step by step until the loss rises (Smith 2017, 'Cyclical learning rates for
training neural networks', section 3.3), and the longest stretch of falling loss says where to train.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from engines.contract import Run, Strategy
from engines.messages import _
from engines.training import memory
from engines.training.cost import search_steps
from engines.training.devices import seed_everything
from engines.training.examples import Examples, batches, entry
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.strategies import parameter_groups

LOWEST, HIGHEST = 1e-6, 1.0
SMOOTHING = 0.98
"""Of the loss, as in fastai: an exponential mean, corrected for its start."""
DIVERGED = 4.0
"""The test ends where the smoothed loss is this many times the least so far."""
LOOKS = 10
"""Steps between two looks at the losses on a card, which is waited for at each; what comes behind the end is let go."""


def find(
    network: Staged,
    strategy: Strategy,
    examples: Examples,
    settings: TrainSettings,
    *,
    loss: Callable[[Any, Tensor], Tensor],
    run: Run,
    accelerator: Accelerator,
    seed: int,
    phase: str,
    steps: int,
) -> float:
    """The peak learning rate that the test suggests. Leaves `network` as it was and emits the curve as one event.

    `steps` is how many the training itself will take (see `cost.search_steps`). Where memory does not suffice, with
    half as many examples at a time. Raises Cancelled, and InputError where one at a time is too much.
    """
    network.to(accelerator.device)
    before = {name: tensor.detach().cpu().clone() for name, tensor in network.model.state_dict().items()}
    n = search_steps(steps)
    rates = [LOWEST * (HIGHEST / LOWEST) ** (step / (n - 1)) for step in range(n)]

    def climb(batch_size: int) -> list[float]:
        network.model.load_state_dict(before)
        own = replace(settings, batch_size=batch_size)
        return losses_at(rates, network, strategy, examples, own, loss, run, accelerator, (seed, phase))

    try:
        with network.learning_fast(lambda: examples.plain(torch.arange(1))):
            losses = memory.in_smaller_batches(climb, settings.batch_size)
    finally:
        network.model.load_state_dict(before)
    chosen = valley(rates[: len(losses)], losses)
    points = [[float(f"{rate:.3g}"), round(value, 5)] for rate, value in zip(rates, losses, strict=False)]
    run.emit("search", phase=phase, learning_rate=chosen, points=points)
    run.emit(
        "note",
        message=_("The learning-rate test suggests {chosen:g} ({points} steps).", chosen=chosen, points=len(points)),
    )
    return chosen


def losses_at(
    rates: Sequence[float],
    network: Staged,
    strategy: Strategy,
    examples: Examples,
    settings: TrainSettings,
    loss: Callable[[Any, Tensor], Tensor],
    run: Run,
    accelerator: Accelerator,
    drawn_by: tuple[int, str],
) -> list[float]:
    """The smoothed losses of steps at these rates, one after another, until they rise beyond DIVERGED. Trains."""
    device = accelerator.device
    optimiser = torch.optim.AdamW(parameter_groups(network, strategy, 1.0, settings))
    shares = [group["lr"] for group in optimiser.param_groups]  # of the peak, by how deep a layer lies
    generator = seed_everything(*drawn_by, "learning rate")
    drawn = _forever(examples, settings.batch_size, generator)
    curve = Curve()
    network.train()
    for number, (rate, indices) in enumerate(zip(rates, drawn, strict=False), 1):
        run.check_cancelled()
        try:
            with accelerator.autocast():
                outputs = network(examples.varied(indices, generator).to(device), entry(examples, network.boundary))
                batch_loss = loss(outputs, examples.targets(indices).to(device))
        except Exception:
            if curve.ends():  # of numbers that are none no loss need be
                break
            raise
        curve.steps.append(batch_loss.detach())
        if (device.type == "cpu" or number % LOOKS == 0) and curve.ends():
            break
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = rate * share
        batch_loss.backward()
        torch.nn.utils.clip_grad_norm_(list(network.trainable().values()), 5.0)
        optimiser.step()
        optimiser.zero_grad()
    curve.ends()
    return curve.losses


class Curve:
    """The smoothed losses so far."""

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        """Losses that were not looked at yet."""
        self.losses: list[float] = []
        self._mean, self._ended = 0.0, False

    def ends(self) -> bool:
        """Looks at them, and whether one is no number any more or rises beyond DIVERGED: from there on none counts."""
        seen = torch.stack(self.steps).tolist() if self.steps else []
        self.steps = []
        for value in seen:
            if self._ended:
                break
            self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * value
            smooth = self._mean / (1 - SMOOTHING ** (len(self.losses) + 1))
            self._ended = not math.isfinite(value) or bool(self.losses) and smooth > DIVERGED * min(self.losses)
            if not self._ended:
                self.losses.append(smooth)
        return self._ended


def valley(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate in the middle of the longest falling sequence of losses, to two digits; the first where none falls.

    fastai's suggestion of that name: unlike the steepest point it does not sit on the edge of divergence.
    """
    lengths = [1] * len(losses)  # of the longest falling sequence that ends here
    for i in range(len(losses)):
        for j in range(i):
            if losses[i] < losses[j]:
                lengths[i] = max(lengths[i], lengths[j] + 1)
    end = max(range(len(lengths)), key=lengths.__getitem__)
    start = end - (lengths[end] - 1)
    return float(f"{rates[start + (end - start) // 2]:.2g}")


def _forever(examples: Examples, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from batches(examples, size, generator)
