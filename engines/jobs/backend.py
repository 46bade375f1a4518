"""What every queue can do, and which queue this installation has."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines import places
from engines.contract import Event, InputError, Problem, Recipe, State
from engines.jobs import limits
from engines.runs import RunFolder


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


class JobBackend(Protocol):
    """A queue of runs. Every method raises InputError for an id that there is no run of."""

    def submit(self, recipe: Recipe | None, resume: str | None = None) -> str:
        """Queues a new run of `recipe`, or run `resume` again with the recipe it has; returns the run's id.

        Raises InputError when too many runs wait, or when `resume` is queued, running or done.
        """

    def status(self, run_id: str) -> JobStatus: ...

    def events(self, run_id: str, after: int = -1) -> list[Event]:
        """What happened since the event of number `after`, oldest first."""

    def cancel(self, run_id: str) -> JobStatus:
        """Asks the run to stop; it may take a moment (`stopping`). Twice is as good as once; a finished run stays."""


def backend() -> JobBackend:
    """The queue of this installation, the same one at every call. Never imports torch."""
    from engines.jobs.local import LocalBackend

    home = places.home()  # another one only in tests
    with _opening:
        if home not in _open:
            _open[home] = LocalBackend()
        return _open[home]


_open: dict[Path, JobBackend] = {}
_opening = threading.Lock()


def delete(jobs: JobBackend, run_id: str) -> None:
    """Cancels a run if need be and removes its folder. Raises InputError for a recorded run that comes with Headstart,
    and when the run won't stop.
    """
    run = RunFolder.find(run_id)
    if run.path.parent != places.runs():
        raise InputError(Problem("run", "this recorded run belongs to Headstart", "only your own runs can be deleted"))
    deadline = time.monotonic() + limits.grace_seconds() + 10
    status = jobs.cancel(run_id)
    while not status.state.finished:
        if time.monotonic() > deadline:
            raise InputError(Problem("run", "it has not stopped yet", "try again in a moment"))
        time.sleep(0.05)
        status = jobs.status(run_id)
    gone = run.path.with_name(f".deleted-{run.id}")  # gone at once, however long the removal takes
    while run.path.exists():
        try:
            run.path.rename(gone)
        except PermissionError:  # Windows, until the worker has let go of its log
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    shutil.rmtree(gone, ignore_errors=True)
