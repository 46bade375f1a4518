"""A sample of the hostile files, each a sentence or left out: `benchmarks/hostile.py` tries all of them, many times."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.hostile import TASKS
from engines import paths
from tests.hostile.every import KINDS, rng_of


def test_there_are_many_kinds_every_task_has_some_and_nearly_all_break_a_plain_reader() -> None:
    assert len(KINDS) >= 70
    assert {task for kind in KINDS.values() for task in kind.tasks} >= set(TASKS)
    assert Counter(kind.plain != "reads" for kind in KINDS.values())[True] >= 60


@pytest.mark.timeout(300)
def test_what_is_said_of_plain_readers_is_so() -> None:
    """Of one variation; a kind that breaks one only now and then is in the benchmark's table."""
    from tests.hostile import plain

    quick = [kind for kind in KINDS.values() if not kind.slow and kind.plain in {"raises", "wrong", "memory"}]
    found = {kind.name: plain.done(kind, rng_of(kind, 0)) for kind in quick[::4]}
    as_said = [kind.name for kind in quick if found.get(kind.name) == kind.plain]
    assert len(as_said) >= 0.8 * len(found), found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task", TASKS)
def test_no_traceback_no_gigabyte_no_good_example_lost(task: str) -> None:
    command = [sys.executable, "-m", "tests.hostile.trial", task, "1", "0", "--quick"]
    answer = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, timeout=280)
    assert answer.returncode == 0, answer.stderr[-2000:]
    for found in map(json.loads, answer.stdout.splitlines()):
        assert found["outcome"] in {"read", "refused"}, f"{found}\n{answer.stderr[-2000:]}"
        assert (found["lost"], found["grown"] < 1024) == (0, True), found
