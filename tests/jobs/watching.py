"""Watching runs from outside, as a page does, and stopping their workers as a machine would."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from engines.contract import Job, State
from engines.jobs.contract import JobBackend, JobStatus
from engines.runs import RunFolder

Jobs = Callable[..., Job]
Wait = Callable[..., Any]
BOTH = pytest.mark.parametrize("verb", ["fit", "compare"])


def ending(jobs: JobBackend, run_id: str, wait: Wait) -> JobStatus:
    """The status of a run once it is over and its worker has left."""

    def over() -> JobStatus | None:
        status = jobs.status(run_id)
        return status if status.state.finished and (status.may_resume or status.state is State.DONE) else None

    found = wait(over, f"the end of {run_id}")
    assert isinstance(found, JobStatus)
    return found


def told(jobs: JobBackend, run_id: str) -> list[str]:
    """The run's events in short: states, notes and epochs."""
    short = {"status": "state", "note": "message", "epoch": "epoch"}
    return [str(event.data[short[event.kind]]) for event in jobs.events(run_id) if event.kind in short]


def reaches(jobs: JobBackend, run_id: str, epoch: int, wait: Wait) -> None:
    """Waits until a fit has told that epoch, or a comparison has so many steps of all its trainings on disk."""
    run = RunFolder.find(run_id)

    def compared() -> int:
        now = [int(step.read_text() or 0) for step in run.path.glob("trials/*/checkpoint/step")]
        return int(run.trials_done * run.recipe.settings["steps"] + sum(now)) if now else 0

    wait(lambda: str(epoch) in told(jobs, run_id) or compared() == epoch, f"epoch {epoch}")


def let_go(run_id: str) -> None:
    (RunFolder.find(run_id).path / "go").touch()


def worker(run_id: str) -> psutil.Process:
    return psutil.Process(json.loads((RunFolder.find(run_id).path / "worker.json").read_text())["pid"])
