"""What every launcher can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engines.jobs.limits import Places
from engines.runs import RunFolder

Process = tuple[int, float]
"""Id and creation time of a process of this machine: together they name it."""


class Unreachable(Exception):
    """A cluster does not answer, or does not let us in; its text is one plain sentence. Later it may."""


class Refused(Exception):
    """A cluster will not take a job; its text is one plain sentence."""


@dataclass(frozen=True)
class Ending:
    """What is known of a worker that is gone, beside what its run folder says."""

    status: int | None = None
    """Its exit status."""
    again: bool = False
    """It has not begun, and may be started anew."""
    message: str = ""
    """Why it never began, one plain sentence."""


class Launcher(Protocol):
    """Starts workers and knows which of them live. One thread asks at a time; no call waits for a run."""

    name: str

    def places(self) -> Places:
        """How many runs have room now, those that run already included. Raises Unreachable."""

    def start(self, run: RunFolder, slot: int, places: Places) -> Process | None:
        """Starts the run's worker in that place (slots below `places.cards` have a card). The process, where it is one
        of this machine. Raises OSError where it can't be started, Refused and Unreachable."""

    def alive(self, run: RunFolder, process: Process | None) -> bool:
        """Whether the run has a worker, or will have the one that was asked for."""

    def stop(self, run: RunFolder, process: Process | None) -> None:
        """The run was asked to stop: what there is to do beside, again and again until it has."""

    def kill(self, run: RunFolder, process: Process | None) -> None:
        """Ends a worker that did not listen for HEADSTART_GRACE_SECONDS."""

    def ended(self, run: RunFolder) -> Ending:
        """The run's worker is gone: lets go of it."""

    def silence(self, run: RunFolder) -> float:
        """Seconds since the run gave a sign of life; infinite where it never has."""

    def keep_ready(self) -> None:
        """Called at each look at the queue, once what may start has been started."""

    def close(self) -> None:
        """Lets go of everything. Runs go on."""
