"""`worker.execute` in this process, as the command line's `fit` calls it, and the worker as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines import paths
from engines.contract import Event, Job, Recipe, State
from engines.jobs import failures, processes, worker
from engines.runs import RunFolder

Recipes = Callable[..., Recipe]


@pytest.mark.parametrize(
    ("trouble", "status", "state"),
    [("nothing", 0, State.DONE), ("input", 2, State.FAILED), ("bug", 1, State.FAILED), ("disk", 1, State.FAILED)],
)
def test_exit_status(recipe: Recipes, trouble: str, status: int, state: State) -> None:
    run = RunFolder.create(recipe(trouble=trouble))
    assert worker.execute(run) == status
    assert run.state[0] is state
    assert (run.result is not None) == (status == 0)
    assert not (run.path / "worker.json").exists()
    assert run.seconds_since_heartbeat() < 60


def test_a_comparison_in_this_process(job: Callable[..., Job]) -> None:
    run = RunFolder.create(job("compare"))
    run.write("comparison.json", "{}")
    assert worker.execute(run) == 0
    assert run.done
    assert run.comparison
    assert run.comparison["verdict"] is None, "one seed"


def test_a_folder_without_a_job_is_a_plain_fit(recipe: Recipes) -> None:
    run = RunFolder.create(Job(recipe()))
    assert [path.name for path in run.path.iterdir()] == ["recipe.json"]
    assert run.job == Job(run.recipe)
    assert not run.done


def test_a_listener_is_told_every_event_once_it_is_written(recipe: Recipes) -> None:
    path = RunFolder.create(recipe(steps=2)).path
    heard: list[Event] = []
    kept: list[int] = []
    run = RunFolder(path, [heard.append, lambda _: kept.append(len(RunFolder(path).events()))])
    assert worker.execute(run) == 0
    assert heard == run.events()
    assert kept == list(range(1, len(heard) + 1))


def test_a_run_cancelled_before_it_starts_never_starts(recipe: Recipes) -> None:
    run = RunFolder.create(recipe())
    run.request_cancel()
    assert worker.execute(run) == 130
    assert [event.data["state"] for event in run.events()] == ["cancelled"]


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows process gets no such signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_and_a_second_does_nothing_worse(
    recipe: Recipes, wait: Callable[..., Any], number: signal.Signals
) -> None:
    run = RunFolder.create(recipe(steps=5, hold_at=2))
    before = signal.getsignal(number)

    def interrupt() -> None:
        wait(lambda: len(run.events()) >= 4, "two steps")
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=interrupt)
    sender.start()
    assert worker.execute(run) == 130
    sender.join()
    assert run.state[0] is State.CANCELLED
    assert (run.path / "checkpoint" / "step").read_text() == "2"
    assert signal.getsignal(number) is before


def test_an_old_result_is_gone_once_the_run_goes_on(recipe: Recipes) -> None:
    run = RunFolder.create(recipe(trouble="bug"))
    run.write("result.json", "{}")
    worker.execute(run)
    assert run.result is None


@pytest.mark.parametrize("trouble", ["disk", "full disk below a library"])
def test_a_full_disk_is_a_sentence(recipe: Recipes, trouble: str) -> None:
    run = RunFolder.create(recipe(trouble=trouble))
    assert worker.execute(run) == 1
    assert run.state == (
        State.FAILED,
        "The disk is full: free some space, then press Resume. Finished epochs are kept.",
    )


def test_a_run_whose_folder_is_gone_ends_with_a_sentence_and_leaves_nothing(
    recipe: Recipes, capsys: pytest.CaptureFixture[str]
) -> None:
    other = RunFolder.create(recipe())
    run = RunFolder.create(recipe(trouble="gone"))
    assert worker.execute(run) == 1
    assert capsys.readouterr().err.strip() == failures.GONE
    assert not run.path.exists()
    assert worker.execute(other) == 0


def test_a_run_has_one_worker_at_a_time(recipe: Recipes, wait: Callable[..., Any]) -> None:
    run = RunFolder.create(recipe(steps=1, hold_at=1))
    other = processes.start("engines.jobs.worker", [str(run.path)], log=run.path / "worker.log")
    wait(lambda: run.state[0] is State.RUNNING, "the other worker")
    before = len(run.events())
    assert worker.worker_of(run) == (other.pid, processes.created(other.pid))
    assert worker.execute(run) == 1
    (run.path / "go").touch()
    assert other.wait(timeout=60) == 0
    assert [event.data.get("state") for event in run.events()[before:]][-1] == "done"
    assert worker.worker_of(run) is None


def test_it_says_that_it_runs_before_it_loads_torch(recipe: Recipes) -> None:
    run = RunFolder.create(recipe())
    script = (
        "import sys; from pathlib import Path; from engines.jobs import worker; from engines.runs import RunFolder\n"
        f"run = RunFolder(Path({str(run.path)!r}))\n"
        "heavy = lambda: print(run.state[0], sorted({'torch', 'timm', 'transformers', 'sklearn'} & set(sys.modules)))\n"
        "sys.exit(worker.execute(run, heavy))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert answer.stdout.splitlines()[0] == "running []"
    assert answer.returncode == 0


def test_a_spare_worker_takes_the_run_it_is_told(recipe: Recipes) -> None:
    run = RunFolder.create(recipe(steps=2))
    log = paths.home() / "spare.log"
    spare = processes.start("engines.jobs.worker", ["--spare"], log=log, stdin=subprocess.PIPE)
    assert spare.stdin
    order = {"run": str(run.path), "environment": {"CUDA_VISIBLE_DEVICES": "3"}}
    with spare.stdin:
        spare.stdin.write(json.dumps(order).encode() + b"\n")
    assert spare.wait(timeout=120) == 0
    assert run.state[0] is State.DONE
    assert "card: 3" in (run.path / "worker.log").read_text()


def test_a_spare_worker_leaves_when_nobody_needs_it() -> None:
    spare = processes.start("engines.jobs.worker", ["--spare"], log=paths.home() / "log", stdin=subprocess.PIPE)
    assert spare.stdin
    spare.stdin.close()
    assert spare.wait(timeout=60) == 0


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker.main([str(tmp_path)]) == 2
    assert "a folder with a recipe.json" in capsys.readouterr().err
