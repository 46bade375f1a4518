"""Batches for a card: made by processes ahead of it and copied while it computes, where making them takes long."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engines.training.card import room
from engines.training.devices import derived_seed
from engines.training.examples import Examples, Varied, paired

SHARED = Path("/dev/shm")
"""Where Linux keeps memory that processes share."""
Order = tuple[int, Tensor]
"""A batch's own seed, and the positions of its examples."""


class Feed:
    """What a training draws its batches from."""

    def __init__(self, examples: Examples, device: torch.device, batch_size: int, *, processes: int | None = None):
        """`processes`: as `room.workers` says, where None."""
        if processes is None:
            processes = _processes(examples, device, batch_size)
        self.examples, self.processes = examples, processes
        self._orders: list[Order] = []
        self._loader = _loader(examples, self._orders, device, processes) if processes else None

    def epoch(self, drawn: Sequence[Tensor], generator: torch.Generator, *parts: object) -> Iterator[Varied]:
        """The batches at these positions, in their order.

        Made here, they are varied by `generator`, one after another. Made by processes, each is varied by what
        `parts` and its number seed: a run draws the same ones whatever the number of processes, and after a resume.
        """
        if self._loader is None:
            return (paired(self.examples, indices, generator) for indices in drawn)
        self._orders[:] = [(derived_seed(*parts, number), indices) for number, indices in enumerate(drawn)]
        return (Varied(*made) for made in self._loader)

    def close(self) -> None:
        """Ends its processes."""
        self._loader = None


def _processes(examples: Examples, device: torch.device, batch_size: int) -> int:
    if device.type != "cuda" or not getattr(examples, "made_slowly", False):
        return 0
    return room.workers(
        device.type,
        os.cpu_count() or 1,
        math.ceil(len(examples) / batch_size),
        slow=True,
        shared=shutil.disk_usage(SHARED).free if SHARED.is_dir() else 0,
        a_batch=batch_size * size_of(examples.plain(torch.arange(1))),
    )


def size_of(given: Any) -> int:
    """Bytes of all tensors in it."""
    if isinstance(given, Tensor):
        return given.nbytes
    if is_dataclass(given):
        return sum(size_of(getattr(given, each.name)) for each in fields(given))
    return sum(map(size_of, given)) if isinstance(given, list | tuple) else 0


class _Made(Dataset):
    """Batches by their orders."""

    def __init__(self, examples: Examples):
        self.examples = examples

    def __getitem__(self, order: Any) -> tuple[Any, Any]:
        seed, indices = order
        torch.manual_seed(seed)
        return tuple(paired(self.examples, indices, torch.Generator().manual_seed(seed)))


def _loader(examples: Examples, orders: list[Order], device: torch.device, processes: int) -> DataLoader:
    return DataLoader(
        _Made(examples),
        batch_size=None,
        sampler=orders,
        num_workers=processes,
        prefetch_factor=room.AHEAD,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
        multiprocessing_context="fork",
    )


def moved(given: Any, device: torch.device) -> Any:
    """Inputs or targets on the device; tensors in pinned memory while the card goes on with what it has."""
    if isinstance(given, Tensor):
        return given.to(device, non_blocking=device.type == "cuda" and given.is_pinned())
    return given.to(device)
