"""Training examples as the loop sees them: inputs and targets in, batches out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

POOL = 50
"""Batches among which examples are sorted by length, so that a batch has little padding and orders still differ."""


class Targets(Protocol):
    """What a loss compares outputs with: a tensor, or an object such as the boxes of pictures."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Tensor) -> Self: ...

    def to(self, device: torch.device) -> Self: ...


class Varied(NamedTuple):
    """Inputs that were varied together with their targets: what is mirrored has its boxes elsewhere."""

    inputs: Any
    targets: Any


class Examples(Protocol):
    """What the loop asks of a domain's data. `Labelled` has the usual answers where an example is of one class."""

    @property
    def identity(self) -> str:
        """Changes with the examples, their order and how they become inputs: cached activations are filed under it."""

    @property
    def variation(self) -> str:
        """Names the augmentation; empty when `varied` gives the same as `plain`."""

    @property
    def lengths(self) -> Tensor | None:
        """int64 (N,): how long each example is, where batches should hold examples of like length."""

    def __len__(self) -> int: ...

    def targets(self, indices: Tensor) -> Any:
        """What the loss compares the outputs with: `Targets`."""

    def weight(self, indices: Tensor) -> float:
        """How much these examples count together in an average: their number, or the number of their tokens."""

    def varied(self, indices: Tensor, generator: torch.Generator) -> Any:
        """Inputs of these examples for training, augmented by `generator`: a tensor or something with `.to(device)`; or
        `Varied`, where their targets change with them."""

    def plain(self, indices: Tensor) -> Any:
        """Inputs of these examples as they are, for validation, test and prediction."""


class LabelledExamples(Examples, Protocol):
    """Examples of one class each."""

    @property
    def labels(self) -> Tensor:
        """int64 (N,)"""

    def subset(self, chosen: Tensor) -> LabelledExamples:
        """The examples at these positions (int64 (K,)), in this order."""


class TokenExamples(LabelledExamples, Protocol):
    """Those whose inputs are `training.tokens.Tokens`."""

    @property
    def windows(self) -> list[list[int]]:
        """The number of tokens in each window of each example."""


class Labelled:
    """What every set of examples of one class each answers alike."""

    labels: Tensor
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def targets(self, indices: Tensor) -> Tensor:
        return self.labels[indices]

    def weight(self, indices: Tensor) -> float:
        return len(indices)


def batches(examples: Examples, size: int, generator: torch.Generator | None = None) -> list[Tensor]:
    """Positions of the examples (int64), `size` together, drawn in a random order or, without a generator, in theirs.

    Where examples have lengths, those of like length come together: at random within pools of `POOL` batches, the
    longest first where nothing is drawn.
    """
    n, lengths = len(examples), examples.lengths
    if generator is None:
        order = torch.arange(n) if lengths is None else torch.argsort(lengths, descending=True, stable=True)
        return list(order.split(size))
    order = torch.randperm(n, generator=generator)
    if lengths is None:
        return list(order.split(size))
    pools = [pool[torch.argsort(lengths[pool], stable=True)] for pool in order.split(size * POOL)]
    groups = [group for pool in pools for group in pool.split(size)]
    return [groups[i] for i in torch.randperm(len(groups), generator=generator).tolist()]


def entry(examples: Examples, boundary: int) -> int:
    """The stage whose inputs these examples are: that behind the frozen part, or the first where they pass all of it
    (`card.recomputed`)."""
    return 0 if getattr(examples, "whole", False) else boundary


def paired(examples: Examples, indices: Tensor, generator: torch.Generator) -> Varied:
    """These examples for training, with their targets."""
    found = examples.varied(indices, generator)
    return found if isinstance(found, Varied) else Varied(found, examples.targets(indices))


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
