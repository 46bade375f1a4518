"""Training examples as the loop sees them: numbers and labels in, batches out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engines.contract import Run
from engines.training import store
from engines.training.devices import derived_seed
from engines.training.staged import Staged


class Examples(Protocol):
    """What the loop and the cache ask of a domain's data."""

    @property
    def labels(self) -> Tensor:
        """int64 (N,)"""

    @property
    def identity(self) -> str:
        """Changes with the examples, their order and how they become inputs: cached activations are filed under it."""

    @property
    def variation(self) -> str:
        """Names the augmentation; empty when `varied` gives the same as `plain`."""

    def subset(self, chosen: Tensor) -> Examples:
        """The examples at these positions (int64 (K,)), in this order."""

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """Inputs of these examples for training, augmented by `generator`."""

    def plain(self, indices: Tensor) -> Tensor:
        """Inputs of these examples as they are, for validation, test and prediction."""


@dataclass
class Cached:
    """Examples behind the frozen part of a network: activations at the boundary, a few variants of each."""

    activations: Tensor
    """float32 (N, V, …): variant 0 is the example as it is, the others are augmented."""
    labels: Tensor
    identity: str
    variation: str = ""

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        variants = torch.randint(self.activations.shape[1], indices.shape, generator=generator)
        return self.activations[indices, variants]

    def plain(self, indices: Tensor) -> Tensor:
        return self.activations[indices, 0]

    def subset(self, chosen: Tensor) -> Cached:
        if len(chosen) == len(self.labels) and torch.equal(chosen, torch.arange(len(chosen))):
            return self
        identity = f"{self.identity}, some of it"
        return Cached(self.activations[chosen], self.labels[chosen], identity, self.variation)

    def joined(self, other: Cached) -> Cached:
        """Both, one after the other; they must have equally many variants."""
        activations = torch.cat([self.activations, other.activations])
        labels = torch.cat([self.labels, other.labels])
        return Cached(activations, labels, f"{self.identity} + {other.identity}", self.variation)


def cache_activations(
    network: Staged, examples: Examples, *, views: int, name: str, run: Run, title: str, unit: str,
    device: torch.device, batch_size: int = 32,
) -> Cached:  # fmt: skip
    """Runs the frozen stages below `network.boundary` once over `views` variants of every example.

    `name` must change with the data, the weights, the boundary and the transforms: it is what a later run finds
    the activations by. Raises Cancelled.
    """
    n, boundary = len(examples.labels), network.boundary
    network.eval()
    generator = torch.Generator().manual_seed(derived_seed("views", examples.variation))
    with torch.no_grad():
        probe = network.run(examples.plain(torch.arange(1)).to(device), 0, boundary)
    shape = (n, views, *probe.shape[1:])

    def fill(target: np.ndarray) -> None:
        run.emit("phase", name="caching", title=title)
        clock = Pace(n * views, unit)
        for view in range(views):
            for indices in torch.arange(n).split(batch_size):
                run.check_cancelled()
                inputs = examples.varied(indices, generator) if view else examples.plain(indices)
                with torch.no_grad():
                    outputs = network.run(inputs.to(device), 0, boundary)
                target[int(indices[0]) : int(indices[-1]) + 1, view] = outputs.float().cpu().numpy()
                clock.step(len(indices), lambda **numbers: run.emit("progress", phase="caching", **numbers))

    activations, found = store.array(name, shape, np.dtype("float32"), fill)
    if found:
        run.emit("phase", name="caching", title=f"{title}: known from an earlier run")
    tensor = torch.from_numpy(np.array(activations) if activations.nbytes < 1 << 30 else activations)
    return Cached(tensor, examples.labels, name, examples.variation)


class Pace:
    """Rate and time left of something that takes a while."""

    def __init__(self, total: int, unit: str, every: float = 0.4):
        self.total, self.unit, self.every = total, unit, every
        self.done, self.started, self.said = 0, time.monotonic(), 0.0

    def step(self, count: int, say: Callable[..., None]) -> None:
        """Counts, and calls `say` with the progress numbers at most every `every` seconds and at the end."""
        self.done += count
        now = time.monotonic()
        if now - self.said >= self.every or self.done == self.total:
            self.said = now
            rate = self.done / max(now - self.started, 1e-6)
            say(
                done=self.done,
                total=self.total,
                unit=self.unit,
                rate=round(rate, 1),
                seconds_left=round((self.total - self.done) / rate, 1),
            )
