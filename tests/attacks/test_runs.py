"""A run that forks, or that never stops telling of itself. Memory, disk and network: `tests/jobs/test_fence.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from engines import paths, runs
from engines.contract import InputError, State
from engines.runs import RunFolder
from tests.chaos import faults

FORK = """
import json, os, resource, signal  # nobody in particular may not be allowed to read Python's own files
from engines.jobs import fence
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)  # of root the system counts no processes; a host runs as nobody in particular
assert fence.put_up(network=True) == []
children = []
try:
    while len(children) < 400:
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
    outcome = "done"
except OSError as error:
    outcome = type(error).__name__
for child in children:
    os.kill(child, 9)
print(json.dumps([outcome, len(children)]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of other systems are named, not held")
def test_a_run_that_forks_comes_to_an_end() -> None:
    settings = {"HEADSTART_PUBLIC": "1", "HEADSTART_RUN_PROCESSES": "64", "PYTHONPATH": str(paths.PROJECT)}
    environment = {**os.environ, **settings}
    answer = subprocess.run(
        [sys.executable, "-c", FORK], env=environment, cwd="/", capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr[-1000:]
    outcome, forked = json.loads(answer.stdout)
    assert outcome == "BlockingIOError"
    assert forked < 64


def test_a_run_that_never_stops_telling_is_stopped_and_still_says_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_TOLD", 10_000)
    run = RunFolder.create(faults.job())

    def tell_without_end() -> None:
        for _ in range(1_000):
            run.emit("note", message="x" * 500)

    with pytest.raises(InputError, match="it has told more than 0 MiB of itself"):
        tell_without_end()
    run.set_state(State.FAILED, "It told too much.")
    assert run.state == (State.FAILED, "It told too much.")
    assert (run.path / "events.jsonl").stat().st_size < 12_000


def test_a_page_that_reads_the_longest_log_there_may_be_is_not_held_up_for_ever() -> None:
    run = RunFolder.create(faults.job())
    line = json.dumps({"time": 1.0, "kind": "note", "message": "x" * 400})
    (run.path / "events.jsonl").write_text(f"{line}\n" * (8 << 20 // len(line)))
    began = time.process_time()
    run.state  # noqa: B018  # read for its time
    assert time.process_time() - began < 20
