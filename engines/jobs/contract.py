"""What every queue can do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engines.contract import Event, Job, State


@dataclass(frozen=True)
class JobStatus:
    """Where a run stands, for a person to read."""

    id: str
    state: State
    message: str = ""
    """One plain sentence, or one a line."""
    position: int | None = None
    """Place in the queue, 1 is next; None unless queued."""
    may_resume: bool = False
    """`submit(None, resume=id)` would continue it."""
    stopping: bool = False
    """Somebody cancelled it and it has not stopped yet."""
    only_shown: bool = False
    """Whoever asked has the id that only shows the run: they may neither stop nor resume it."""


@dataclass(frozen=True)
class Load:
    """How busy a queue is, without a word of whose runs they are."""

    waiting: int
    silent_seconds: tuple[float, ...]
    """Of each run that trains, since it last gave a sign of life."""
    ended: Mapping[State, int] = field(default_factory=dict)
    """How many of those that were queued in the last 24 hours have ended, by how."""


@dataclass(frozen=True)
class Standing:
    """What the runs of one owner are at, without a word of what they are."""

    waiting: int = 0
    running: int = 0
    done: int = 0
    """Those whose model is there, though its comparison may wait or train."""
    position: int | None = None
    """Place in the queue of the first that waits, 1 is next."""


class JobBackend(Protocol):
    """A queue of runs. Every method raises InputError for an id that there is no run of, and those that change a run
    for the id that only shows it."""

    def submit(self, job: Job | None, resume: str | None = None) -> str:
        """Queues a new run for `job`, or run `resume` again with the job it has; returns the run's id. With both, run
        `resume`, which is done, is given that job as well.

        Raises InputError when too many runs wait, when `resume` is queued, running or, without a job, done, or, on a
        public host, when the job's owner has had as many as a visitor may (`hosting.admission`), or while the operator
        lets none in (`hosting.operation`).
        """

    def status(self, run_id: str) -> JobStatus: ...

    def events(self, run_id: str, after: int = -1) -> list[Event]:
        """What happened since the event of number `after`, oldest first."""

    def cancel(self, run_id: str) -> JobStatus:
        """Asks the run to stop; it may take a moment (`stopping`). Twice is as good as once; a finished run stays."""

    def sooner(self, run_id: str) -> JobStatus:
        """Lets a run that waits change places with the one of the same owner and priority before it. Nobody else's run
        moves. Raises InputError where it does not wait; where none is before it, nothing happens."""

    def load(self) -> Load: ...

    def standing(self, owners: Collection[str]) -> Mapping[str, Standing]:
        """Of each of these owners; only those are in it who have had a run."""

    def forget(self, owner: str) -> None:
        """Drops what the queue remembers of an owner's runs that have ended: their folders are gone."""

    def warm_up(self) -> None:
        """Gets ready for the next run, without waiting. The other methods do it too."""

    def close(self) -> None:
        """Lets go of the queue. Runs go on in their own processes."""
