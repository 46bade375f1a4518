"""What is asked of a cluster: few things, so that a further kind of cluster is a small file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from engines.environment import number
from engines.jobs import limits
from engines.jobs.limits import Places
from engines.training.parallel import siblings


class JobState(StrEnum):
    """Where a cluster's job stands."""

    WAITS = "waits"
    RUNS = "runs"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Job(NamedTuple):
    state: JobState
    status: int | None = None
    """Exit status, where it has ended and the cluster knows."""
    message: str = ""
    """What the cluster says of it."""


@dataclass(frozen=True)
class Node:
    """What one machine of a cluster has, and how much of it is in use, by us or by others."""

    cpus: float
    gpus: float = 0.0
    cpus_used: float = 0.0
    gpus_used: float = 0.0


@dataclass(frozen=True)
class Asked:
    """A job that a cluster is asked for. No word of it is a user's."""

    name: str
    """Ours: letters, digits and dashes."""
    command: Sequence[str]
    environment: Mapping[str, str]
    cpus: int
    gpus: int


class Cluster(Protocol):
    """Each call takes a few seconds at most, and raises Unreachable."""

    name: str

    def nodes(self) -> list[Node]:
        """Those that take jobs."""

    def submit(self, asked: Asked) -> str:
        """Asks for a job; what the cluster calls it. Raises Refused."""

    def job(self, job: str) -> Job: ...

    def cancel(self, job: str) -> None:
        """SIGTERM, and SIGKILL after `kill_seconds`; nothing where it has ended."""

    def close(self) -> None: ...


FLAG_SECONDS = 2.0
"""A run sees the flag in its folder; one that has not by then is told by the cluster, with a signal."""


def kill_seconds() -> int:
    """From that signal to SIGKILL: what is left of HEADSTART_GRACE_SECONDS."""
    return max(1, round(limits.grace_seconds() - FLAG_SECONDS))


def run_cpus() -> int:
    """HEADSTART_RUN_CPUS: processor cores that a run asks of a cluster. Default 2."""
    return number("HEADSTART_RUN_CPUS", 2, low=1)


def room(nodes: Sequence[Node], others: tuple[float, float], cpus: int) -> Places:
    """How many runs fit on these machines beside what `others` use of them (processors, cards), at `cpus` each, and a
    card a process (HEADSTART_PROCESSES) for as many as there are. HEADSTART_MAX_RUNNING lowers it.

    What others use counts against the machines that use the most, where it most likely is.
    """
    cards = processor = 0
    cpus_left, gpus_left = others
    for node in sorted(nodes, key=lambda node: -node.cpus_used):
        cpus_here, gpus_here = min(cpus_left, node.cpus_used), min(gpus_left, node.gpus_used)
        cpus_left, gpus_left = cpus_left - cpus_here, gpus_left - gpus_here
        fit = int((node.cpus - cpus_here) // cpus)
        with_card = min(fit, int((node.gpus - gpus_here) // siblings.wanted()))
        cards += with_card
        processor += fit - with_card
    most = number("HEADSTART_MAX_RUNNING", cards + processor, low=1)
    cards = min(cards, most)
    return Places(cards, min(processor, most - cards))
