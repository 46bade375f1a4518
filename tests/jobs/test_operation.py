"""What the operator says holds: pause, drain, resume, over a restart, and only for who knows the token."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from engines import paths
from engines.contract import InputError, Job, State
from engines.hosting import operation
from engines.hosting.operation import Operation
from engines.jobs.contract import JobBackend
from ui.hosting import health

TOKEN = "a-token-that-nobody-guesses"
Jobs = Callable[..., Job]
Wait = Callable[..., Any]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_OPERATOR_TOKEN", TOKEN)


def is_done(jobs: JobBackend, run_id: str) -> Callable[[], bool]:
    return lambda: jobs.status(run_id).state is State.DONE


def test_only_the_token_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operation.is_operator(f" {TOKEN}\n")
    assert not any(map(operation.is_operator, ("", TOKEN[:-1], TOKEN.upper(), "ä" * 30)))
    for short in ("", "short", "x" * (operation.FEWEST - 1)):
        monkeypatch.setenv("HEADSTART_OPERATOR_TOKEN", short)
        assert not operation.is_operator(short)
        assert operation.token() == ""


def test_what_was_chosen_is_kept_and_holds_only_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operation.state() is Operation.OPEN
    operation.choose(Operation.DRAINING)
    assert operation.state() is Operation.DRAINING  # read from the file each time: nothing else is remembered
    monkeypatch.setenv("HEADSTART_OPERATOR_TOKEN", "")
    assert operation.state() is Operation.OPEN


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "closed"}', "null"])
def test_a_broken_file_says_nothing(content: str) -> None:
    (paths.private_home() / "operation.json").write_text(content)
    assert operation.state() is Operation.OPEN


def test_paused_runs_are_taken_and_wait_until_resumed(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait
) -> None:
    operation.choose(Operation.PAUSED)
    jobs = open_queue()
    run_id = jobs.submit(job(steps=1))
    time.sleep(1)
    assert jobs.status(run_id).state is State.QUEUED
    jobs.close()
    again = open_queue()  # a restart
    again.warm_up()
    time.sleep(1)
    assert (again.status(run_id).state, again.load().waiting) == (State.QUEUED, 1)
    operation.choose(Operation.OPEN)
    wait(is_done(again, run_id), "the run")
    wait(lambda: again.load().ended == {State.DONE: 1}, "the queue to know")


def test_draining_takes_none_and_lets_the_others_end(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    first = jobs.submit(job(steps=1))
    stopped = jobs.submit(job(steps=1))
    jobs.cancel(stopped)
    operation.choose(Operation.DRAINING)
    with pytest.raises(InputError, match="this host takes no new runs: it is about to be restarted"):
        jobs.submit(job())
    with pytest.raises(InputError, match="this host takes no new runs"):
        jobs.submit(None, resume=stopped)
    wait(is_done(jobs, first), "the one that waited")


def test_health_says_so_and_calls_it_no_fault(jobs: JobBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "backend", lambda: jobs)
    monkeypatch.setenv("HEADSTART_FREE_BYTES", "1")
    for chosen in Operation:
        operation.choose(chosen)
        found = health.look()
        assert (found["operation"], found["ok"]) == (chosen, True)
