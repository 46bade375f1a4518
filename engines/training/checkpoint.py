"""The newest epoch of a run on disk, so that a killed worker loses nothing but the epoch in progress."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from engines.training.parallel import group

GOES_ON = "scratch"
"""The phase that somebody may want trained for longer once it has ended: what its optimiser knows is kept, too."""
SAVE_EVERY = 2.0
"""Seconds between two checkpoints of epochs that are shorter than that: a kill costs so much, and not the run."""
SHARE = 0.05
"""Of the time that may go into saving: large networks on a fast card have long checkpoints of short epochs."""


@dataclass
class Progress:
    """Where training stands after an epoch."""

    epoch: int = 0
    """Epochs completed."""
    best_epoch: int = 0
    best_loss: float = float("inf")
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    halved: int = 0
    """How often batches were halved because memory did not suffice."""


def save(
    folder: Path, progress: Progress, weights: dict[str, Tensor], optimiser: dict[str, Any], *, best: dict[str, Tensor]
) -> None:
    """Writes the checkpoint beside the old one, then swaps them. When that fails, on a full disk say, the old one stays
    and what was written of the new one is gone."""
    fresh = folder.with_name(folder.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    weights, best = (
        {name: tensor.detach().cpu().contiguous() for name, tensor in each.items()} for each in (weights, best)
    )
    try:
        save_file(weights, fresh / "newest.safetensors")
        if best.keys() == weights.keys() and all(torch.equal(best[name], own) for name, own in weights.items()):
            _same(fresh / "newest.safetensors", fresh / "best.safetensors")
        else:
            save_file(best, fresh / "best.safetensors")
        with (fresh / "optimiser.pt").open("wb") as file:  # given a path, torch does not say that the disk is full
            torch.save(optimiser, file)
        (fresh / "progress.json").write_text(json.dumps(vars(progress)), encoding="utf-8")
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _same(file: Path, again: Path) -> None:
    """Another name for a file; a copy where the disk knows no such thing."""
    try:
        again.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, again)


def load(folder: Path) -> tuple[Progress, dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole checkpoint at `folder` (progress, weights, optimiser state), or None."""
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():  # a kill between the two renames of `save`
        old.rename(folder)
    try:
        progress = Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
        weights = load_file(folder / "newest.safetensors")
        optimiser = torch.load(folder / "optimiser.pt", weights_only=True, map_location="cpu")
        best(folder)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError, SafetensorError, UnpicklingError):
        return None
    return progress, weights, optimiser


def halved(folder: Path) -> int:
    """How often batches had been halved at the newest checkpoint."""
    try:
        return int(json.loads((folder / "progress.json").read_text(encoding="utf-8"))["halved"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0


def best(folder: Path) -> dict[str, Tensor]:
    """The weights of the best epoch."""
    return load_file(folder / "best.safetensors")


@dataclass
class Kept:
    """What of a phase is on the disk, and what would be next."""

    folder: Path
    epochs: int
    """Planned."""
    progress: Progress
    learning: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    best: dict[str, Tensor]
    epoch: int
    """The newest on the disk."""
    at: float = 0.0
    """When it was saved."""
    took: float = 0.0
    """Seconds that this took."""

    @property
    def is_behind(self) -> bool:
        return self.epoch < self.progress.epoch

    @property
    def is_due(self) -> bool:
        """Whether enough time has gone by since the newest for the next."""
        return time.monotonic() - self.at >= max(SAVE_EVERY, self.took / SHARE)

    def add(self, row: dict[str, Any]) -> None:
        """One more epoch, and whether it is the best so far: by its validation loss, or where it has none."""
        progress, loss = self.progress, row.get("validation_loss")
        progress.epoch += 1
        progress.history.append(row)
        if loss is None or loss < progress.best_loss:
            progress.best_epoch, progress.best_loss = progress.epoch, row["train_loss"] if loss is None else loss
            self.best = self.learning if loss is None else copied(self.learning)

    def save(self) -> None:
        if not self.is_behind or group.rank():
            return
        steps_left = self.progress.epoch < self.epochs or self.folder.name == GOES_ON
        state = self.optimiser.state_dict() if steps_left else {}
        began = time.monotonic()
        save(self.folder, self.progress, self.learning, state, best=self.best)
        self.epoch, self.at = self.progress.epoch, time.monotonic()
        self.took = self.at - began


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As they are now, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
