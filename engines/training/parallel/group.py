"""Processes that train one network together: each learns from its share of every batch, and gradients are added up
before a step (synchronous data parallelism). Alone, which is usual, everything here hands back what it is given.

All do the same in the same order, so that what one waits for the others come to. The first one decides, tells and
keeps.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from engines.contract import Strategy
from engines.training.examples import Examples
from engines.training.staged import Staged, Taps

T = TypeVar("T")

WAIT = timedelta(days=1)
"""For one another: who ends is noticed at once, and who is slow is waited for."""
BATCH_NORM = nn.modules.batchnorm._BatchNorm

_together = False


def join(place: Path, rank: int, size: int) -> None:
    """Makes this process the `rank`th of `size`, which find one another by a file in the folder `place`. Gradients go
    from card to card, all else from processor to processor."""
    if sys.platform != "win32":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store = dist.FileStore(str(place / "store"), size)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=WAIT)


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


@contextlib.contextmanager
def joint(together: bool = True) -> Iterator[None]:
    """Meanwhile all processes come by, and wait for one another; not outside, where the first one is by itself."""
    global _together
    before, _together = _together, together
    try:
        yield
    finally:
        _together = before


def size() -> int:
    """Processes that train together here; 1: this one alone."""
    return dist.get_world_size() if _together and dist.is_initialized() else 1


def rank() -> int:
    """0: this one decides, tells and keeps."""
    return dist.get_rank() if _together and dist.is_initialized() else 0


# --- what is agreed -------------------------------------------------------------------------------


def told(value: Callable[[], T]) -> T:
    """What the first process says; the others do not ask themselves."""
    if size() == 1:
        return value()
    first = rank() == 0
    with joint(False):
        found: list[Any] = [value() if first else None]
    dist.broadcast_object_list(found, 0, device=torch.device("cpu"))
    return found[0]


def spread(tensors: Iterable[Tensor]) -> None:
    """Gives the others the first one's numbers, in place."""
    if size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)


def shared(network: Staged, strategy: Strategy) -> bool:
    """Whether several train it faster, and to the same numbers: not a head alone, whose batches are passed in less time
    than a sum of gradients takes; not batch norms that learn, whose statistics are those of whole batches."""
    if size() == 1 or strategy is Strategy.FEATURES:
        return size() == 1
    return network.keep_statistics or not any(isinstance(module, BATCH_NORM) for module in network.model.modules())


# --- what is divided ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shares:
    """Of each batch of an epoch, this process's."""

    made: Sequence[Tensor]
    """Positions of the examples that it makes, a tensor int64 a batch."""
    own: Sequence[Tensor]
    """Those of them that it learns from; empty where there are fewer examples than processes."""
    weights: Sequence[float]
    """What these count, see `Examples.weight`."""
    places: Sequence[Tensor] | None
    """Where they stand in what is made; None: all of it is its own."""

    def cut(self, number: int, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Its own of batch `number`."""
        if self.places is None:
            return inputs, targets
        where = self.places[number]
        own = Taps(tuple(each[where] for each in inputs.maps)) if isinstance(inputs, Taps) else inputs[where]
        return own, targets[where]


def shares(examples: Examples, drawn: Sequence[Tensor], weights: Sequence[float]) -> Shares:
    """Divides the batches drawn, evenly and in their order.

    Where inputs are tensors every process makes whole batches and cuts its share out of them, so that what is drawn of
    chance (augmentation, mixing) is what one process alone would draw. A process without an example makes one that
    counts nothing: all have the same gradients to add up.
    """
    if size() == 1:
        return Shares(drawn, drawn, weights, None)
    divided = [torch.arange(len(batch)).tensor_split(size())[rank()] for batch in drawn]
    own = [batch[places] for batch, places in zip(drawn, divided, strict=True)]
    counted = [examples.weight(indices) if len(indices) else 0.0 for indices in own]
    taken = [places if len(places) else torch.zeros(1, dtype=torch.int64) for places in divided]
    if isinstance(examples.plain(torch.arange(1)), Tensor | Taps):
        return Shares(drawn, own, counted, taken)
    return Shares([batch[places] for batch, places in zip(drawn, taken, strict=True)], own, counted, None)


def draw_apart(generator: torch.Generator) -> torch.Generator:
    """Has dropout draw differently in each process, though all have the same seed; their order is this generator's."""
    if rank():
        torch.manual_seed(torch.initial_seed() + rank())
    return generator


def add_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """The sum over all processes, in place; what was not used here counts as zero. Raises RuntimeError where a process
    is gone."""
    if size() == 1:
        return
    total(0.0)  # a processor notices who is gone, where a card would wait
    under_way: list[Any] = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        under_way.append(dist.all_reduce(parameter.grad, async_op=True))
    for one in under_way:
        one.wait()


# --- what is put together -------------------------------------------------------------------------


def total(number: float) -> float:
    """The sum over all processes."""
    if size() == 1:
        return number
    found = torch.tensor([number], dtype=torch.float64)
    dist.all_reduce(found)
    return float(found)


def gathered(tensor: Tensor) -> Tensor:
    """(N, …) on the processor: what all have, in the order of their ranks."""
    if size() == 1:
        return tensor
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, tensor)
    return torch.cat(found)


def in_turn(batches: Sequence[T]) -> Sequence[T]:
    """Those of the batches that this process passes."""
    return batches[rank() :: size()]
