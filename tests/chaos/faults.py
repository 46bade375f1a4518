"""Each fault once: a disk that is full at the n-th write of a run, a file that is cut at a byte, a clock that is set.

Each function returns what went wrong, a sentence each; nothing is as it should be. The home is `paths.home()`, and the
task is the one of `tests/jobs/toy_task.py`.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest

from engines import paths
from engines.contract import InputError, Job, Recipe, State, Strategy
from engines.hosting import usage, visitors
from engines.jobs import cleanup, worker
from engines.jobs.local.backend import LocalBackend
from engines.jobs.local.dispatcher import Dispatcher
from engines.runs import RunFolder
from tests.chaos.full_disk import full_from

STEPS = 3
CUT = {".json", ".jsonl", ".txt"}
"""Endings of the files of a run folder that are cut."""
JUMPS = (-10 * 365 * 86400.0, -86400.0, -3600.0, 3600.0, 86400.0, 10 * 365 * 86400.0)
"""Seconds by which the clock is set."""


def job(verb: str = "fit") -> Job:
    """Of the task that counts: a fit, or a comparison on two budgets."""
    strategy = Strategy.SCRATCH if verb == "fit" else Strategy.FULL
    arguments: dict[str, Any] = {} if verb == "fit" else {"budgets": [1, 2], "seeds": 1}
    return Job(Recipe("toy.counting", "/data", "fingers", strategy, settings={"steps": STEPS}), verb, arguments)


# --- a full disk ------------------------------------------------------------------------------------


def full_at(n: int, verb: str = "fit") -> tuple[bool, list[str]]:
    """A run whose disk is full from its n-th write on, and that is resumed once there is room: whether it met that at
    all, and what went wrong."""
    place, wrong = paths.runs() / f"{verb}-{n}", []
    with full_from(n) as disk, suppress(OSError):
        status = worker.execute(RunFolder.create(job(verb), place))
        if disk.met and status not in {worker.DONE, worker.DEFECT}:
            wrong.append(f"a full disk ended it with status {status}")
    run = RunFolder(place)
    if not run.exists:
        run = RunFolder.create(job(verb), place)  # the folder can be used again
    elif run.state[0] is State.FAILED and "The disk is full" not in run.state[1]:
        wrong.append(f"it said: {run.state[1]}")
    told = [int(event.data["epoch"]) for event in run.events() if event.kind == "epoch"]
    if run.done:  # what it could not write was nothing that it needs; the queue says so where it could not itself
        shutil.rmtree(place)
        return disk.met, wrong
    if worker.execute(run) != worker.DONE or not run.done:
        wrong.append(f"resumed, it ended: {run.state}")
    starts = [event.data["message"] for event in run.events() if event.kind == "note" and told]
    again = int(str(starts[-1]).split()[-1]) if verb == "fit" and len(starts) > 1 else STEPS
    if verb == "fit" and max(told, default=0) - again > 1:
        wrong.append(f"it had told epoch {max(told)} and went on at {again}")
    wrong += [f"{left.name} was left behind" for left in place.rglob("*.partial")]
    shutil.rmtree(place)
    return disk.met, wrong


# --- files cut at any byte --------------------------------------------------------------------------


@contextmanager
def idle_queue() -> Iterator[LocalBackend]:
    """The queue of this home, which starts nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dispatcher, "wake", lambda _: None)
        jobs = LocalBackend()
        try:
            yield jobs
        finally:
            jobs.close()


def queued_runs(n: int = 3) -> list[str]:
    """A database that knows so many runs, which wait."""
    with idle_queue() as jobs:
        return [jobs.submit(job()) for _ in range(n)]


def database_cut(share: float, runs: list[str]) -> list[str]:
    """The queue's database ends after so much of it: every run must still be known as waiting."""
    _cut(paths.home() / "queue.sqlite3", share)
    wrong = []
    try:
        with idle_queue() as jobs:
            for run_id in runs:
                if (status := jobs.status(run_id)).position is None:
                    wrong.append(f"a run that waits is {status}")
            if jobs.load().waiting != len(runs):
                wrong.append(f"{jobs.load().waiting} runs wait instead of {len(runs)}")
    except Exception as error:
        wrong.append(f"opening it raised {type(error).__name__}: {error}")
    return wrong


def visitors_cut(share: float) -> list[str]:
    """What is known of the visitors ends after so much of it: they are let in, and counted from then on."""
    usage.spend("ann", "runs", 1, 0)
    cookie = visitors.new_cookie()
    _cut(paths.home() / "visitors.sqlite3", share)
    _cut(paths.home() / "cookies.key", share)
    visitors._secret.cache_clear()
    wrong = []
    try:
        usage.spend("ann", "runs", 1, 0)
        if usage.spent("ann", "runs") < 1:
            wrong.append("a run was not counted")
    except Exception as error:
        wrong.append(f"counting raised {type(error).__name__}: {error}")
    if len((paths.home() / "cookies.key").read_bytes()) < 32 and visitors.visitor_of(cookie) is not None:
        wrong.append("a cookie is taken that was signed with another key")
    if visitors.visitor_of(visitors.new_cookie()) is None or len((paths.home() / "cookies.key").read_bytes()) < 32:
        wrong.append("cookies are signed with what is left of a key")
    return wrong


def run_cut(run: RunFolder, name: str, share: float) -> list[str]:
    """A file of a run folder ends after so much of it: whoever looks gets what there is, or a sentence."""
    whole = (run.path / name).read_bytes()
    _cut(run.path / name, share)
    looks: dict[str, Callable[[], Any]] = {
        "find": lambda: RunFolder.find(run.id),
        "recipe": lambda: run.recipe,
        "job": lambda: run.job,
        "result": lambda: run.result,
        "comparison": lambda: run.comparison,
        "layers": lambda: run.layers,
        "state": lambda: run.state,
        "events": run.events,
        "worker": lambda: worker.worker_of(run),
        "tidy": cleanup.tidy,
        "age": lambda: cleanup.remove_older(10**6),
        "queue": _asked_of_the_queue(run.id),
    }
    wrong = []
    for what, look in looks.items():
        try:
            look()
        except InputError as error:
            if what in {"tidy", "age", "events", "state"}:
                wrong.append(f"{what} of a cut {name}: {error}")
        except Exception as error:
            wrong.append(f"{what} of a cut {name} raised {type(error).__name__}: {error}")
    (run.path / name).write_bytes(whole)
    return wrong


def _asked_of_the_queue(run_id: str) -> Callable[[], Any]:
    def ask() -> None:
        for file in paths.home().glob("queue.sqlite3*"):
            file.unlink()
        with idle_queue() as jobs:  # it looks through all folders, for its database is gone
            jobs.status(run_id)
            jobs.events(run_id)

    return ask


def _cut(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def shares(rng: Random, n: int) -> list[float]:
    """Where files are cut: at nothing at all, just before the end, and anywhere."""
    return [0.0, 0.999, *(rng.random() for _ in range(n - 2))]


# --- a clock that is set ----------------------------------------------------------------------------


def clock_set(by: float) -> list[str]:
    """The machine's clock is set while a run trains on a public host; then a second app opens the same home, and the
    run is asked to stop. Neither may it be stopped for its age or taken for dead, nor have another worker meanwhile."""
    wrong: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_PUBLIC", "1")
        patch.setenv("HEADSTART_VISITOR_RUNS", "0")
        jobs, now = LocalBackend(), time.time
        try:
            held = replace(job(), owner="ann")
            held.recipe.settings["hold_at"] = 1
            run = RunFolder.find(jobs.submit(held))
            _until(lambda: (run.path / "checkpoint" / "step").exists(), "the first step")
            mine = worker.worker_of(run)
            patch.setattr(time, "time", lambda: now() + by)
            if sys.platform == "linux":
                booted = psutil._pslinux.boot_time
                patch.setattr(psutil._pslinux, "boot_time", lambda: booted() + by)
            second = LocalBackend()
            for _ in range(10):
                states = {jobs.status(run.id).state, second.status(run.id).state}
                if states != {State.RUNNING} or run.cancel_requested:
                    wrong.append(f"set by {by:.0f} s it is {states}, asked to stop: {run.cancel_requested}")
                if worker.worker_of(run) != mine:
                    wrong.append(f"set by {by:.0f} s its worker is {worker.worker_of(run)} instead of {mine}")
                jobs._dispatcher._tick()
                second._dispatcher._tick()
            if worker.execute(run) != worker.DEFECT:
                wrong.append("a second worker took it")
            second.close()
            (run.path / "go").touch()
            _until(lambda: run.state[0].finished, "its end")
            if run.state[0] is not State.DONE:
                wrong.append(f"it ended {run.state}")
        finally:
            jobs.close()
    return wrong


def _until(look: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 120
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
