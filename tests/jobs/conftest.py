"""The toy task in every process, and waiting without sleeping longer than needed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines import registry
from engines.contract import Recipe, Strategy

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def toy_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers `toy.counting` here and in the processes that tests start."""
    monkeypatch.setenv("HEADSTART_EXTRA_TASKS", "toy.counting=toy_task:Toy")
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    monkeypatch.syspath_prepend(str(HERE))
    registry.task.cache_clear()


def _recipe(**settings: object) -> Recipe:
    return Recipe("toy.counting", "/data", "fingers", Strategy.SCRATCH, settings=dict(settings))


def _wait(look: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)
    return found


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """A recipe of the toy task; keywords are its settings."""
    return _recipe


@pytest.fixture
def wait() -> Callable[..., Any]:
    """wait(look, what): the first true answer of `look`, which is asked again and again; fails after a minute."""
    return _wait
