"""What every JobBackend promises of a run that is stopped, goes on, or is deleted, on each of `queues.QUEUES`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import paths
from engines.contract import InputError, Job, Recipe, State, Strategy
from engines.jobs.backends import delete
from engines.jobs.contract import JobBackend
from engines.runs import RunFolder
from tests.jobs.watching import BOTH, Jobs, Wait, ending, let_go, reaches, told, worker

Recipes = Callable[..., Recipe]
RECORDED = "A" * 22


# --- cancelling -------------------------------------------------------------------------------------


@BOTH
def test_cancel_while_queued(jobs: JobBackend, job: Jobs, wait: Wait, verb: str) -> None:
    first, second = jobs.submit(job(verb, steps=1, hold_at=1)), jobs.submit(job(verb))
    reaches(jobs, first, 1, wait)
    assert jobs.cancel(second).state is State.CANCELLED
    let_go(first)
    ending(jobs, first, wait)
    third = jobs.submit(job(steps=1))
    ending(jobs, third, wait)
    assert told(jobs, second) == ["queued", "cancelled"], "it never started"


def test_cancel_while_running_twice_keeps_the_checkpoint(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=5, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    for _ in range(2):
        status = jobs.cancel(run_id)
        assert status.stopping or status.state is State.CANCELLED
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message) == (State.CANCELLED, "Cancelled. What was learnt so far is kept.")
    assert jobs.cancel(run_id) == status
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "cancelled"]
    assert (RunFolder.find(run_id).path / "checkpoint" / "step").read_text() == "2"


@BOTH
def test_cancel_after_the_end_changes_nothing(jobs: JobBackend, job: Jobs, wait: Wait, verb: str) -> None:
    run_id = jobs.submit(job(verb, steps=1))
    status = ending(jobs, run_id, wait)
    before = told(jobs, run_id)
    assert jobs.cancel(run_id) == status
    assert told(jobs, run_id) == before
    assert RunFolder.find(run_id).done


@BOTH
def test_a_run_that_does_not_listen_is_stopped_by_force(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("HEADSTART_GRACE_SECONDS", "1")
    jobs = open_queue()
    run_id = jobs.submit(job(verb, trouble="deaf"))
    wait(lambda: "deaf" in told(jobs, run_id), "the run")
    process = worker(run_id)
    jobs.cancel(run_id)
    status = ending(jobs, run_id, wait)
    assert status.state is State.CANCELLED
    assert "by force" in status.message
    assert not process.is_running()


def compared_with_scratch(job: Jobs, **settings: object) -> Job:
    """A job of two steps that is held at the first step of its comparison."""
    asked = job(steps=2, hold_at=3, baseline="scratch", **settings)
    return replace(asked, recipe=replace(asked.recipe, strategy=Strategy.FULL))


def test_who_cancels_a_comparison_keeps_the_result(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(compared_with_scratch(job))
    run = RunFolder.find(run_id)
    wait(lambda: (run.path / "checkpoint" / "rival").exists(), "the comparison")
    tested = run.result
    assert tested is not None
    assert (tested.value, tested.comparison, run.done) == (2, "running", False)
    jobs.cancel(run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert run.result == replace(tested, comparison="skipped")
    assert not (run.path / "checkpoint").exists()


def test_a_comparison_that_does_not_listen_leaves_the_result(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_GRACE_SECONDS", "1")
    jobs = open_queue()
    run_id = jobs.submit(compared_with_scratch(job, trouble="deaf from scratch"))
    run = RunFolder.find(run_id)
    wait(lambda: "deaf" in told(jobs, run_id), "the comparison")
    jobs.cancel(run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert run.result is not None
    assert run.result.comparison == "skipped"


# --- continuing -------------------------------------------------------------------------------------


def test_a_cancelled_run_resumes_from_its_checkpoint(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=3, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    jobs.cancel(run_id)
    ending(jobs, run_id, wait)
    let_go(run_id)
    assert jobs.submit(None, resume=run_id) == run_id
    assert ending(jobs, run_id, wait).state is State.DONE
    assert told(jobs, run_id)[5:] == ["cancelled", "queued", "running", "starts at 2", "3", "done"]


def test_kill_9_loses_nothing_but_the_epoch_in_progress(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=3, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    worker(run_id).kill()
    status = ending(jobs, run_id, wait)
    assert (status.state, status.may_resume) == (State.INTERRUPTED, True)
    killed = "The training process was killed, or the machine went down."
    assert status.message == f"{killed} Resume continues after epoch 2."
    let_go(run_id)
    jobs.submit(None, resume=run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert told(jobs, run_id)[5:] == ["interrupted", "queued", "running", "starts at 2", "3", "done"]


@BOTH
def test_only_an_unfinished_run_can_be_resumed(jobs: JobBackend, job: Jobs, wait: Wait, verb: str) -> None:
    run_id = jobs.submit(job(verb, steps=1, hold_at=1))
    reaches(jobs, run_id, 1, wait)
    with pytest.raises(InputError, match="this one is running"):
        jobs.submit(None, resume=run_id)
    let_go(run_id)
    ending(jobs, run_id, wait)
    with pytest.raises(InputError, match="this one is done"):
        jobs.submit(None, resume=run_id)
    with pytest.raises(InputError, match="neither a recipe nor a run"):
        jobs.submit(None)


@pytest.mark.parametrize("killed", [True, False])
def test_a_stopped_comparison_resumes_and_comes_to_the_same(
    jobs: JobBackend, job: Jobs, wait: Wait, killed: bool
) -> None:
    """It is stopped after the first step of its third training."""
    undisturbed, run_id = jobs.submit(job("compare", steps=2)), jobs.submit(job("compare", steps=2, hold_at=5))
    reaches(jobs, run_id, 5, wait)
    if killed:
        worker(run_id).kill()
    else:
        jobs.cancel(run_id)
    status = ending(jobs, run_id, wait)
    interrupted = "The training process was killed, or the machine went down. Resume continues after training 2."
    cancelled = "Cancelled. What was learnt so far is kept."
    assert (status.state, status.message) == (
        (State.INTERRUPTED, interrupted) if killed else (State.CANCELLED, cancelled)
    )
    let_go(run_id)
    jobs.submit(None, resume=run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    resumed = ["queued", "running", "starts at 1", "starts at 0", "done"]
    assert told(jobs, run_id) == ["queued", "running", *["starts at 0"] * 3, str(status.state), *resumed]
    assert RunFolder.find(run_id).comparison == RunFolder.find(undisturbed).comparison


# --- several servers, and servers that die ----------------------------------------------------------


def test_a_killed_server_loses_no_run(
    open_queue: Callable[[], JobBackend], kind: str, recipe: Recipes, job: Jobs, wait: Wait
) -> None:
    """The first server is killed in mid-run with another run waiting; the second adopts both."""
    command = [sys.executable, str(Path(__file__).with_name("host.py")), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(recipe(steps=3, hold_at=2).to_json())
        server.stdin.close()
        run_id = server.stdout.readline().strip()
        wait(lambda: (RunFolder.find(run_id).path / "checkpoint" / "step").exists(), "the first step")
        server.kill()
    process = worker(run_id)
    jobs = open_queue()
    following = jobs.submit(job(steps=1))
    reaches(jobs, run_id, 2, wait)
    assert [jobs.status(run_id).state, jobs.status(following).state] == [State.RUNNING, State.QUEUED]
    assert worker(run_id) == process, "the same worker goes on"
    let_go(run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert ending(jobs, following, wait).state is State.DONE
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "3", "done"]


def test_a_worker_that_dies_while_no_server_runs_is_noticed(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait
) -> None:
    first: Any = open_queue()
    run_id = first.submit(job(steps=3, hold_at=1))
    reaches(first, run_id, 1, wait)
    first.close()
    worker(run_id).kill()
    assert ending(open_queue(), run_id, wait).state is State.INTERRUPTED


def test_two_servers_on_one_home_run_every_job_once(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_MAX_RUNNING", "2")
    servers = [open_queue(), open_queue()]
    ids = [servers[number % 2].submit(job(steps=1)) for number in range(8)]
    for run_id in ids:
        assert ending(servers[0], run_id, wait).state is State.DONE
        assert told(servers[1], run_id) == ["queued", "running", "starts at 0", "1", "done"]


# --- deleting ---------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("running", [True, False])
def test_delete(jobs: JobBackend, job: Jobs, wait: Wait, running: bool, verb: str) -> None:
    run_id = jobs.submit(job(verb, steps=1, hold_at=int(running)))
    if running:
        reaches(jobs, run_id, 1, wait)
    else:
        ending(jobs, run_id, wait)
    runs = RunFolder.find(run_id).path.parent
    delete(jobs, run_id)
    assert list(runs.iterdir()) == []
    with pytest.raises(InputError, match="there is no run"):
        jobs.status(run_id)
    following = jobs.submit(job(steps=1))
    assert ending(jobs, following, wait).state is State.DONE, "the place in the queue is free again"


def test_a_recorded_run_is_not_deleted(
    jobs: JobBackend, recipe: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path / "showcase")
    recorded = RunFolder.create(recipe(), tmp_path / "showcase" / RECORDED)
    recorded.set_state(State.DONE, "Done.")
    assert jobs.cancel(RECORDED).state is State.DONE
    assert not jobs.status(RECORDED).may_resume
    with pytest.raises(InputError, match="belongs to Headstart"):
        delete(jobs, RECORDED)
    assert recorded.path.is_dir()
