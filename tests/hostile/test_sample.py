"""A sample of the hostile files, each a sentence or left out: `benchmarks/hostile.py` tries all of them, many times."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engines import paths
from tests.hostile import archives, pictures, sounds, tables
from tests.hostile.kinds import KINDS

TASKS = ("vision.classification", "text.sentiment", "forecasting.forecast", "control.policy", "speech.speaker")


def test_there_are_forty_kinds_and_every_task_has_some() -> None:
    assert all(module.__name__ for module in (archives, pictures, sounds, tables))
    assert len(KINDS) >= 40
    assert {task for kind in KINDS.values() for task in kind.tasks} >= set(TASKS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task", TASKS)
def test_no_traceback_no_gigabyte_no_good_example_lost(task: str) -> None:
    command = [sys.executable, "-m", "tests.hostile.trial", task, "1", "0", "--quick"]
    answer = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, timeout=280)
    assert answer.returncode == 0, answer.stderr[-2000:]
    for found in map(json.loads, answer.stdout.splitlines()):
        assert found["outcome"] in {"read", "refused"}, f"{found}\n{answer.stderr[-2000:]}"
        assert (found["lost"], found["grown"] < 1024) == (0, True), found
