"""What becomes of a run on a real Ray head: how soon it starts and stops, and what dies with what.

    python -m benchmarks.cluster [--rounds 3] [--write]

Each round has a head of its own, in a network namespace (scripts/ray_cluster.py), and a run of the task that counts
(tests/jobs/toy_task.py), which writes a checkpoint at each step. The queue, the launcher and the worker are those of
the app. "The head" are all of Ray's own processes there, not the worker: that must end by itself.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import registry
from engines.contract import Job, Recipe, State, Strategy
from engines.jobs.launchers import tickets
from engines.jobs.local.backend import LocalBackend
from engines.jobs.worker import worker_of
from engines.runs import RunFolder
from scripts import ray_cluster

PAGE = ROOT / "docs" / "scale.md"
GRACE_SECONDS = 10
HEAD = {"gcs_server", "raylet"}
PROMISED = {
    "a run is submitted and tells its first step": "",
    "cancel while queued": "0.5 s",
    "cancel while running, checkpoint written": f"{GRACE_SECONDS + 3} s",
    "cancel one that does not listen": f"{GRACE_SECONDS + 3} s",
    "kill -9 of the worker: interrupted": "15 s",
    "kill -9 of Ray's supervisor of it: interrupted": "15 s",
    "... and no orphan": "20 s",
    "kill -9 of the whole head: interrupted": "15 s",
    "... and no orphan of it": "20 s",
}


def job(**settings: object) -> Job:
    return Job(Recipe("toy.counting", "/data", "fingers", Strategy.SCRATCH, settings=dict(settings)))


def until(look: Callable[[], object], seconds: float = 60) -> float:
    """Seconds until it is so. Raises TimeoutError."""
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > seconds:
            raise TimeoutError
        time.sleep(0.01)
    return time.monotonic() - began


@contextmanager
def home() -> Iterator[None]:
    """A fresh one, with what makes the task known here and in workers."""
    with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
        weights = Path(folder) / "models" / "fingers" / "model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"ten")
        os.environ.update(
            HEADSTART_HOME=str(Path(folder) / "home"),
            HEADSTART_MODELS=str(weights.parents[1]),
            HEADSTART_EXTRA_TASKS="toy.counting=toy_task:Toy",
            HEADSTART_LAUNCHER="ray",
            HEADSTART_RAY_ADDRESS=ray_cluster.ADDRESS,
            HEADSTART_RUN_CPUS="1",
            HEADSTART_MAX_RUNNING="1",
            HEADSTART_GRACE_SECONDS=str(GRACE_SECONDS),
            PYTHONPATH=os.pathsep.join([str(ROOT / "tests" / "jobs"), str(ROOT)]),
        )
        sys.path.insert(0, str(ROOT / "tests" / "jobs"))
        registry.task.cache_clear()
        yield


def held(jobs: LocalBackend, **settings: object) -> tuple[RunFolder, psutil.Process]:
    """A run that has told its second step and waits there, and its worker."""
    run = RunFolder.find(jobs.submit(job(steps=4, **{"hold_at": 2, **settings})))
    until(lambda: any(event.data.get("epoch") == 2 for event in run.events()))
    found = worker_of(run)
    assert found
    return run, psutil.Process(found[0])


def interrupted(jobs: LocalBackend, run: RunFolder) -> float:
    seconds = until(lambda: jobs.status(run.id).state.finished)
    assert jobs.status(run.id).state is State.INTERRUPTED, jobs.status(run.id)
    assert (run.path / "checkpoint" / "step").read_text() == "2", "an epoch at most is lost"
    return seconds


def supervisor(run: RunFolder) -> psutil.Process:
    """Ray's process that looks after the run's job."""
    launch = tickets.launch_of(run)
    assert launch
    found = httpx.get(f"{ray_cluster.ADDRESS}/api/jobs/{launch.job}", trust_env=False).json()
    assert found["status"] == "RUNNING", found
    worker = worker_of(run)
    assert worker
    return psutil.Process(psutil.Process(worker[0]).ppid())


def measured(head: psutil.Process) -> list[float]:
    """In the order of PROMISED."""
    jobs = LocalBackend()
    try:
        run = RunFolder.find(jobs.submit(job(steps=1)))
        found = [until(lambda: any(event.kind == "epoch" for event in run.events()))]
        until(lambda: jobs.status(run.id).state is State.DONE)

        run, worker = held(jobs)
        waiting = jobs.submit(job())
        began = time.monotonic()
        assert jobs.cancel(waiting).state is State.CANCELLED
        found.append(time.monotonic() - began)
        began = time.monotonic()
        jobs.cancel(run.id)
        until(lambda: jobs.status(run.id).state is State.CANCELLED and not worker.is_running())
        found.append(time.monotonic() - began)
        assert (run.path / "checkpoint" / "step").read_text() == "2"

        run = RunFolder.find(jobs.submit(job(trouble="deaf")))
        until(lambda: any(event.data.get("message") == "deaf" for event in run.events()))
        jobs.cancel(run.id)
        found.append(until(lambda: jobs.status(run.id).state is State.CANCELLED))

        run, worker = held(jobs)
        worker.kill()
        found.append(interrupted(jobs, run))

        run, worker = held(jobs)
        supervisor(run).kill()
        found += [interrupted(jobs, run), until(lambda: not worker.is_running())]

        run, worker = held(jobs)
        for process in head.children(recursive=True):
            if process.name() in HEAD or "ray/dashboard" in " ".join(process.cmdline()):
                process.kill()
        found += [interrupted(jobs, run), until(lambda: not worker.is_running())]
    finally:
        jobs.close()
    return found


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    ray_cluster.inside_namespace("benchmarks.cluster", sys.argv[1:])
    rounds = []
    for _ in range(asked.rounds):
        with home(), suppress(psutil.NoSuchProcess), ray_cluster.head() as head:
            rounds.append(measured(head))
            print(rounds[-1], flush=True)
    rows = [
        (what, promised, f"**{max(times):.2f} s**", f"{statistics.median(times):.2f} s", str(len(times)))
        for (what, promised), times in zip(PROMISED.items(), zip(*rounds, strict=True), strict=True)
    ]
    publish(table(("", "asked for", "worst", "median", "rounds"), rows), write=asked.write, page=PAGE)


if __name__ == "__main__":
    main()
