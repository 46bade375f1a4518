"""Where a run stands and what happened in it, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""What a line of events.jsonl may hold."""


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the worker died; Resume continues from the checkpoint

    @property
    def finished(self) -> bool:
        return self not in {State.QUEUED, State.RUNNING}


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl: what happened, as plain data.

    kind       data
    status     state, message
    phase      name, title (what is going on now, in words), series, known (it is there from an earlier run), batches
               (that a training takes, if it does not stop before)
    progress   phase, done, total, unit, and once they are known rate (per second), seconds_left
    epoch      phase, series ('transfer', 'scratch', or 'aside' for what no curve shows), epoch, epochs,
               train_loss, train_metric (where it is measured while learning),
               validation_loss, validation_metric (where a part validates), best_epoch, rate, unit, seconds_left,
               learning_rate; of control real_steps, sim_steps, zero_shot, low, high (of validation_metric)
    search     phase, learning_rate (what was chosen), points ([[learning rate, loss], …] of the test for it)
    note       message (one plain sentence)
    point      of a comparison: budget, unit (what it counts), strategy, seed, value, seconds, n (test examples); of a
               sweep: blocks, seed, value, seconds
    trial      of a search, when one ends: see `search.board.Tried`, less its outcomes
    look       of a comparison, after some seeds: seeds, difference (value, low, high), side
    round      of data at several sites: series, round, rounds, value, low, high, lost, late, refused (sites, from 1,
    whose answer was not used), bytes, seconds, seconds_left
    result     series, metric, value, low, high
    """

    number: int
    """Counts from 0 within a run."""
    time: float
    """Seconds since the epoch."""
    kind: str
    data: dict[str, Any]


class Run(Protocol):
    """What a task sees of the run it works in."""

    path: Path

    def emit(self, kind: str, **data: Json) -> None:
        """Append an event."""

    def write(self, name: str, text: str) -> Path:
        """Write the file `name` below `path` whole or not at all."""

    def check_cancelled(self) -> None:
        """Raises Cancelled when somebody asked the run to stop."""
