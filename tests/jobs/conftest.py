"""The toy task in every process, the queues, and waiting without sleeping longer than needed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines import paths, registry
from engines.contract import Job, Recipe, Strategy
from engines.jobs.contract import JobBackend
from tests.jobs.queues import QUEUES

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def toy_task(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Registers `toy.counting` here and in the processes that tests start."""
    monkeypatch.setenv("HEADSTART_EXTRA_TASKS", "toy.counting=toy_task:Toy")
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "0")
    for name in ("HEADSTART_LAUNCHER", "HEADSTART_RAY_ADDRESS", "HEADSTART_RUN_CPUS", "HEADSTART_MAX_RUNNING"):
        monkeypatch.setenv(name, "")  # what `queues` sets is undone with this
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    monkeypatch.syspath_prepend(str(HERE))
    weights = tmp_path_factory.mktemp("models") / "fingers" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"ten")
    monkeypatch.setenv("HEADSTART_MODELS", str(weights.parents[1]))
    registry.task.cache_clear()


def _recipe(**settings: object) -> Recipe:
    return Recipe("toy.counting", "/data", "fingers", Strategy.SCRATCH, settings=dict(settings))


def _job(verb: str = "fit", **settings: object) -> Job:
    if verb == "fit":
        return Job(_recipe(**settings))
    recipe = replace(_recipe(**settings), strategy=Strategy.FULL)
    return Job(recipe, verb, {"budgets": [1, 2], "seeds": 1})


def _wait(look: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)
    return found


@pytest.fixture(params=sorted(QUEUES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_queue(kind: str) -> Iterator[Callable[[], JobBackend]]:
    """Opens the queue, as often as asked; in the end every run is stopped and every queue closed."""
    opened: list[JobBackend] = []

    def open_one() -> JobBackend:
        opened.append(QUEUES[kind]())
        return opened[-1]

    yield open_one
    for jobs in opened:
        jobs.close()
    for who in paths.runs().glob("*/worker.json"):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(json.loads(who.read_text())["pid"]).kill()


@pytest.fixture
def jobs(open_queue: Callable[[], JobBackend]) -> JobBackend:
    return open_queue()


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """A recipe of the toy task; keywords are its settings."""
    return _recipe


@pytest.fixture
def job() -> Callable[..., Job]:
    """job(verb, **settings) of the toy task. A comparison has four trainings: with `full` and from scratch, on budgets
    of 1 and 2."""
    return _job


@pytest.fixture
def wait() -> Callable[..., Any]:
    """wait(look, what): the first true answer of `look`, which is asked again and again; fails after a minute."""
    return _wait
