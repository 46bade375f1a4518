"""What fits into a card's memory, and what is cheaper: to keep, to read or to compute again. Rules in plain numbers."""

from __future__ import annotations

import sys
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from engines.training.cost import MOST_WORKERS
from engines.training.examples import Examples

SHARE = 1 / 3
"""Of the memory that is free before a training begins, that its data may take: the rest is the network's, whose
gradients, moments and activations nobody knows before."""
READ = 1e9
"""Bytes a second that arrays which are larger than memory are read and written with: an ordinary NVMe disk's half."""
PACE = 1e13
"""Multiply-accumulates a second that a card is taken to do, which no card was measured for: a tenth of what a data
centre's promises, about what a small one does."""
ANSWERED = {"cuda": 256, "mps": 128}
"""Examples at a time where nothing is learnt and the device is a card's; memory that does not suffice halves it."""
AHEAD = 2
"""Batches that each of them has ready."""
AT_ONCE = 64 << 20
"""Bytes that are brought to a card in one go."""

Place = Literal["float32", "bfloat16", "streamed"]


@runtime_checkable
class Placeable(Protocol):
    """Examples that can lie in a card's memory."""

    @property
    def card_bytes(self) -> int:
        """What that would take."""

    @property
    def may_halve(self) -> bool:
        """Whether they are float32 that a network in bfloat16 rounds anyway."""

    def on_card(self, device: torch.device, *, half: bool = False) -> Examples:
        """The same examples with their inputs there; targets stay where they are."""


# --- rules ----------------------------------------------------------------------------------------


def residence(size: int, free: int, *, may_halve: bool) -> Place:
    """Where data of so many bytes lie while a card learns from them that has so many free: on it, whole or as bfloat16,
    or not."""
    if size <= SHARE * free:
        return "float32"
    return "bfloat16" if may_halve and size / 2 <= SHARE * free else "streamed"


def computed_again(
    size: int, macs: float, *, examples: int, views: int, epochs: int, free: int, disk: int, limit: int
) -> bool:
    """Whether the frozen part of a network had better run again in every epoch, on a card, than once for all.

    `size`: bytes that its outputs of all `views` of all `examples` take; `macs`: its multiply-accumulates of one
    example; `free`: bytes of the card; `disk`: bytes that the disk has left; `limit`: bytes that the cache may take.
    Where the outputs fit on the card, and the cache holds them, they are computed once: they are read once. Else an
    epoch reads one view of each from the disk, and computing all views and writing them comes first.
    """
    if size > min(limit, disk):
        return True
    if residence(size, free, may_halve=False) != "streamed":
        return False
    a_pass, one_view = examples * macs / PACE, size / views / READ
    once = views * (a_pass + one_view) + epochs * one_view
    return epochs * a_pass < once


def workers(
    device: str, cores: int, batches: int, *, slow: bool, shared: int, a_batch: int, platform: str = sys.platform
) -> int:
    """Processes that make batches ahead of a card. None for a processor, which they would take the time from; none
    for what is made quickly; and none where a process cannot be forked, which costs seconds for each.

    Batches of `a_batch` bytes pass through shared memory, of which `shared` bytes are there (a container's default is
    64 MB): a process has AHEAD ready and one under way, and half of it stays free.
    """
    if device != "cuda" or not slow or platform != "linux":
        return 0
    hold = shared // (2 * (AHEAD + 1) * max(1, a_batch))
    return max(0, min(MOST_WORKERS, cores - 1, batches, hold))


def answered(device: torch.device, usual: int) -> int:
    """How many examples at a time go through a network that does not learn."""
    return max(usual, ANSWERED.get(device.type, usual))


# --- as they are here -----------------------------------------------------------------------------


def free_bytes(device: torch.device) -> int:
    """Of a card's memory, what torch could still have; 0 on a processor."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + held)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return 0


def placed(examples: Any, device: torch.device, *, halves: bool) -> Any:
    """The examples with their inputs on the card, where there is one and they fit; else as they are. `halves`: the
    network computes in bfloat16."""
    if device.type == "cpu" or not isinstance(examples, Placeable):
        return examples
    place = residence(examples.card_bytes, free_bytes(device), may_halve=halves and examples.may_halve)
    if place == "streamed":
        return examples
    return examples.on_card(device, half=place == "bfloat16")


def brought(tensor: Tensor, device: torch.device, *, half: bool = False) -> Tensor:
    """A copy on the device, in the same memory format, a piece at a time: what is mapped from a disk is never whole in
    memory."""
    there = torch.empty_like(tensor, device=device, dtype=torch.bfloat16 if half else tensor.dtype)
    rows = max(1, AT_ONCE // max(1, tensor[:1].nbytes))
    for start in range(0, len(tensor), rows):
        there[start : start + rows].copy_(tensor[start : start + rows])
    return there
