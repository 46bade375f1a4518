"""A live worker is never called dead for what a clock or the time of a file says: a heartbeat seen to change counts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engines.jobs import heartbeat, limits
from engines.jobs.launchers import elsewhere, tickets
from engines.jobs.launchers.cluster import Asked, Job, JobState, Node, room
from engines.jobs.launchers.contract import Unreachable
from engines.jobs.limits import Places
from engines.jobs.worker import WHO
from engines.runs import RunFolder
from tests.jobs.watching import Jobs


class Silent:
    """A cluster that has stopped answering; or one that says `state` of every job."""

    name = "Silent"

    def __init__(self, state: JobState | None = None):
        self.state = state

    def nodes(self) -> list[Node]:
        raise Unreachable("It does not answer.")

    def submit(self, asked: Asked) -> str:
        return asked.name

    def job(self, job: str) -> Job:
        if self.state is None:
            raise Unreachable("It does not answer.")
        return Job(self.state)

    def cancel(self, job: str) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that nobody sets: what stands in the list."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def started(job: Jobs, launcher: elsewhere.ClusterLauncher) -> RunFolder:
    """A run whose worker a cluster has started, on another machine."""
    run = RunFolder.create(job())
    launcher.start(run, 0, limits.Places(0, 1))
    launch = tickets.launch_of(run)
    assert launch
    tickets.take(launch.ticket)
    tickets.note_host(run, launch.ticket, "another machine")
    run.write(WHO, '{"pid": 1, "created": 2.0, "host": "another machine"}')
    return run


@pytest.mark.parametrize("shift", [3600.0, -3600.0, -30.0])
def test_clocks_an_hour_apart_and_times_of_files_30_seconds_late(job: Jobs, clock: list[float], shift: float) -> None:
    """For five minutes the cluster does not answer, and the file's time is an hour off, or never moves."""
    launcher = elsewhere.ClusterLauncher(Silent())
    run = started(job, launcher)
    told = time.time() + shift
    for _ in range(300):
        clock[0] += 1
        heartbeat.beat(run)
        os.utime(run.path / "heartbeat", (told, told))
        assert launcher.alive(run, None)
        assert launcher.silence(run) < 1
    died = clock[0]
    while launcher.alive(run, None):
        clock[0] += 0.5
    assert 10 < clock[0] - died < 15, "it has stopped, and nobody answers for it"


def test_a_silent_worker_lives_as_long_as_its_cluster_says_so(job: Jobs, clock: list[float]) -> None:
    cluster = Silent(JobState.RUNS)
    launcher = elsewhere.ClusterLauncher(cluster)
    run = started(job, launcher)
    heartbeat.beat(run)
    assert launcher.alive(run, None)
    clock[0] += 600
    assert launcher.alive(run, None)
    assert launcher.silence(run) == 600
    cluster.state = JobState.ENDED
    clock[0] += 1.5
    assert launcher.alive(run, None), "its last words may still be on their way"
    clock[0] += 2.5
    assert not launcher.alive(run, None)
    assert not launcher.ended(run).again


def test_a_worker_that_still_beats_is_alive_whatever_its_cluster_says(job: Jobs, clock: list[float]) -> None:
    launcher = elsewhere.ClusterLauncher(Silent(JobState.ENDED))
    run = started(job, launcher)
    for _ in range(20):
        heartbeat.beat(run)
        clock[0] += 1
        assert launcher.alive(run, None), "another one beside it would write into the same folder"


def test_a_heartbeat_that_is_another_each_time_and_a_folder_that_is_gone(job: Jobs) -> None:
    run = RunFolder.create(job())
    assert heartbeat.Watch().silence(run) == float("inf")
    seen = set()
    for _ in range(5):
        heartbeat.beat(run)
        seen.add((run.path / "heartbeat").read_bytes())
    assert len(seen) == 5
    with pytest.raises(FileNotFoundError):
        heartbeat.beat(RunFolder(Path("/no/such/run")))


@pytest.mark.parametrize(
    ("nodes", "others", "expected"),
    [
        ([Node(4)], (0, 0), (0, 2)),
        ([Node(3), Node(3)], (0, 0), (0, 2)),
        ([Node(8, 2)], (0, 0), (2, 2)),
        ([Node(8, 8)], (0, 0), (4, 0)),
        ([Node(8, 2, 8, 2)], (0, 0), (2, 2)),
        ([Node(8, 2, 8, 2)], (8, 2), (0, 0)),
        ([Node(4), Node(4, 0, 4)], (3, 0), (0, 2)),
        ([], (0, 0), (0, 0)),
    ],
)
def test_room(nodes: list[Node], others: tuple[float, float], expected: tuple[int, int]) -> None:
    """At two processors a run: what is in use by our own is still ours to give."""
    assert room(nodes, others, 2) == Places(*expected)


def test_a_run_of_several_processes_takes_a_card_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PROCESSES", "2")
    assert room([Node(16, 5), Node(16, 1)], (0.0, 0.0), 4) == Places(2, 6)
