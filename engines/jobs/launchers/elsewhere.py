"""Workers on a cluster, whose machines see the same HEADSTART_HOME.

A job is given to it only where it has room at once, so that our queue stays the only one. What became of a run stands
in its folder alone; the cluster is asked whether a worker that gives no sign of life is still there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from dataclasses import dataclass, replace

from engines import paths
from engines.jobs import heartbeat, limits
from engines.jobs.launchers import tickets
from engines.jobs.launchers.cluster import FLAG_SECONDS, Asked, Cluster, Job, JobState, room, run_cpus
from engines.jobs.launchers.contract import Ending, Process, Refused, Unreachable
from engines.jobs.worker import WHO
from engines.messages import _
from engines.runs import RunFolder
from engines.training.parallel import siblings

WORKER = "engines.jobs.launchers.remote"
FRESH_SECONDS, STOPPING_SECONDS = 3.0, 1.5
"""A heartbeat seen to change so lately needs no question to the cluster; of a run that is being stopped."""
LOST_SECONDS = 9.0
"""A silent run is lost when for so long the cluster has known nothing of it, or has not answered."""
ASK_SECONDS, LEAVING_SECONDS = 1.0, 0.2
"""How often the cluster is asked for a job: of one that goes on, and of one that is about to end."""
ROOM_SECONDS = 2.0
"""So long an answer of how much room there is holds."""
SETTLED_SECONDS = 8.0
"""A cluster's own count of what is in use lags so far behind what we have given it."""
SHARED_SECONDS = 1.0
"""So much later what a worker wrote last may be seen here."""
AGAIN_SECONDS = 5.0
MOST_TRIES = 3
KILLED = 128
"""Exit statuses above it are signals."""

NOTHING = Job(JobState.UNKNOWN)


@dataclass
class Given:
    """What is remembered here of a job; all times by a clock that nobody sets."""

    run: str
    ticket: str
    cpus: int = 0
    gpus: int = 0
    asked: float = float("-inf")
    """When the cluster was last asked for it."""
    found: Job = NOTHING
    """What it said."""
    gone_since: float | None = None
    flagged: float | None = None
    cancelled: float | None = None
    withdrawn: bool = False
    """Its ticket was taken back before any worker had it."""


class ClusterLauncher:
    """See `contract.Launcher`."""

    def __init__(self, cluster: Cluster):
        self.name = cluster.name
        self._cluster = cluster
        self._watch = heartbeat.Watch()
        self._given: dict[str, Given] = {}
        """Of the jobs that go on."""
        self._changed = float("-inf")
        """When we last gave it a job, or one of ours ended."""
        self._others = 0.0, 0.0
        self._room = float("-inf"), limits.Places(0, 0)

    # -- room

    def places(self) -> limits.Places:
        """What others use of the cluster is left to them; what they took in the last seconds may be counted late."""
        now = time.monotonic()
        if now - self._room[0] > ROOM_SECONDS:
            nodes = self._cluster.nodes()
            if now - self._changed > SETTLED_SECONDS:
                self._others = (
                    max(0.0, sum(node.cpus_used for node in nodes) - sum(given.cpus for given in self._given.values())),
                    max(0.0, sum(node.gpus_used for node in nodes) - sum(given.gpus for given in self._given.values())),
                )
            self._room = now, room(nodes, self._others, run_cpus())
        if not self._room[1].all and not self._given:
            raise Unreachable(
                _("{cluster} has no machine free for a run of {cpus} processors.", cluster=self.name, cpus=run_cpus())
            )
        return self._room[1]

    # -- starting

    def start(self, run: RunFolder, slot: int, places: limits.Places) -> Process | None:
        before = tickets.launch_of(run)
        tries = before.tries + 1 if before and before.ended and not before.host else 1
        if not run.exists:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(run.path))
        ticket, cards = tickets.write(run), siblings.wanted() if slot < places.cards else 0
        launch = tickets.Launch(self.name, f"headstart-{ticket}", ticket, tries)
        tickets.note(run, launch)
        command = (os.environ.get("HEADSTART_CLUSTER_PYTHON") or sys.executable, "-P", "-m", WORKER, ticket)
        try:
            job = self._cluster.submit(Asked(launch.job, command, _environment(cards), run_cpus(), cards))
        except (Refused, Unreachable):
            tickets.withdraw(ticket)  # whatever comes of the job, it finds nothing to do
            tickets.note(run, replace(launch, tries=tries - 1, ended=True))
            raise
        if job != launch.job:
            tickets.note(run, replace(tickets.launch_of(run) or launch, job=job))
        self._given[job] = Given(run.path.name, ticket, run_cpus(), cards, time.monotonic(), Job(JobState.WAITS))
        self._changed = time.monotonic()
        return None

    # -- looking after

    def alive(self, run: RunFolder, process: Process | None) -> bool:
        launch = tickets.launch_of(run)
        if launch is None or launch.ended:  # another app has just settled it
            return True
        given, at_work = self._of(run, launch), (run.path / WHO).exists()
        if at_work and self.silence(run) < (FRESH_SECONDS if given.cancelled is None else STOPPING_SECONDS):
            given.gone_since = None
            return True
        state = self._ask(launch.job, LEAVING_SECONDS if launch.host and not at_work else ASK_SECONDS).state
        if state in {JobState.WAITS, JobState.RUNS}:
            given.gone_since = None
            return not given.withdrawn
        now = time.monotonic()
        given.gone_since = now if given.gone_since is None else given.gone_since
        patience = LOST_SECONDS if state is JobState.UNKNOWN else SHARED_SECONDS if at_work else 0.0
        return now - given.gone_since < patience

    def _of(self, run: RunFolder, launch: tickets.Launch) -> Given:
        """Also of a job that another app has asked for."""
        return self._given.setdefault(launch.job, Given(run.path.name, launch.ticket, run_cpus()))

    def _ask(self, job: str, every: float) -> Job:
        """What the cluster says of a job; UNKNOWN while it does not answer."""
        given = self._given[job]
        if time.monotonic() - given.asked > every:
            try:
                given.found = self._cluster.job(job)
            except Unreachable:
                given.found = NOTHING
            given.asked = time.monotonic()
        return given.found

    def silence(self, run: RunFolder) -> float:
        return self._watch.silence(run)

    def stop(self, run: RunFolder, process: Process | None) -> None:
        if (launch := tickets.launch_of(run)) is None or launch.ended:
            return
        given, now = self._of(run, launch), time.monotonic()
        given.flagged = now if given.flagged is None else given.flagged
        if not launch.host and tickets.withdraw(launch.ticket):
            given.withdrawn = True
            self.kill(run, process)
        elif now - given.flagged > min(FLAG_SECONDS, limits.grace_seconds() / 2):
            self.kill(run, process)

    def kill(self, run: RunFolder, process: Process | None) -> None:
        if (launch := tickets.launch_of(run)) is None or launch.ended:
            return
        given, now = self._of(run, launch), time.monotonic()
        if given.cancelled is None or now - given.cancelled > AGAIN_SECONDS + limits.grace_seconds():
            given.cancelled = now
            try:
                self._cluster.cancel(launch.job)
            except Unreachable:
                given.cancelled = None

    def ended(self, run: RunFolder) -> Ending:
        launch = tickets.launch_of(run)
        self._watch.forget(run)
        self._changed = time.monotonic()
        if launch is None or launch.ended:
            self._drop(run)
            return Ending()
        given = self._of(run, launch)
        del self._given[launch.job]
        begun = not tickets.withdraw(launch.ticket) and not given.withdrawn
        if run.exists:
            tickets.note(run, replace(tickets.launch_of(run) or launch, ended=True))
        status = given.found.status
        if begun:
            return Ending(status if status is not None and 0 < status < KILLED else None)
        return self._never_began(launch, given)

    def _drop(self, run: RunFolder) -> None:
        """Its folder was deleted: its worker sees that by itself, one that has not begun must not."""
        for job in [job for job, given in self._given.items() if given.run == run.path.name]:
            if tickets.withdraw(self._given.pop(job).ticket):
                with contextlib.suppress(Unreachable):
                    self._cluster.cancel(job)

    def _never_began(self, launch: tickets.Launch, given: Given) -> Ending:
        status, told = given.found.status, given.found.message
        if given.withdrawn:
            return Ending()
        if status == tickets.NO_TICKET:
            return Ending(
                status,
                message=_(
                    "The machines of {cluster} do not see the folder {home}: it must be shared with them.",
                    cluster=self.name,
                    home=paths.home(),
                ),
            )
        if status is not None:
            return Ending(
                status,
                message=_(
                    "{cluster} could not start the worker: exit status {status}. {told}",
                    cluster=self.name,
                    status=status,
                    told=told,
                ),
            )
        return Ending(
            again=launch.tries < MOST_TRIES,
            message=_(
                "{cluster} took the run {tries} times and never started it. {told}",
                cluster=self.name,
                tries=launch.tries,
                told=told,
            ),
        )

    def keep_ready(self) -> None: ...

    def close(self) -> None:
        self._cluster.close()


def _environment(cards: int) -> dict[str, str]:
    """What the worker needs before it has its ticket. A machine with cards shows them all to who has asked for none."""
    python_path = filter(None, [str(paths.PROJECT), os.environ.get("PYTHONPATH", "")])
    return {
        "HEADSTART_HOME": str(paths.home()),
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(run_cpus()),
        **({} if cards else {"CUDA_VISIBLE_DEVICES": ""}),
    }
