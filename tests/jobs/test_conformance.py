"""What every JobBackend promises, on each of `queues.QUEUES`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines import places
from engines.contract import Event, InputError, Recipe, State, Strategy
from engines.jobs.backend import JobBackend, JobStatus, delete
from engines.runs import RunFolder

sys.path.insert(0, str(Path(__file__).parent))
from queues import QUEUES

Recipes = Callable[..., Recipe]
Wait = Callable[..., Any]
NOBODY = "A" * 22


@pytest.fixture(params=sorted(QUEUES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_queue(kind: str) -> Iterator[Callable[[], JobBackend]]:
    """Opens the queue, as often as asked; in the end every run is stopped and every queue closed."""
    opened: list[Any] = []

    def open_one() -> JobBackend:
        opened.append(QUEUES[kind]())
        return opened[-1]

    yield open_one
    for jobs in opened:
        jobs.close()
    for who in places.runs().glob("*/worker.json"):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(json.loads(who.read_text())["pid"]).kill()


@pytest.fixture
def jobs(open_queue: Callable[[], JobBackend]) -> JobBackend:
    return open_queue()


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
    return [str(event.data[short[event.kind]]) for event in jobs.events(run_id)]


def reaches(jobs: JobBackend, run_id: str, epoch: int, wait: Wait) -> None:
    wait(lambda: str(epoch) in told(jobs, run_id), f"epoch {epoch}")


def let_go(run_id: str) -> None:
    (RunFolder.find(run_id).path / "go").touch()


def worker(run_id: str) -> psutil.Process:
    return psutil.Process(json.loads((RunFolder.find(run_id).path / "worker.json").read_text())["pid"])


# --- the straight way -------------------------------------------------------------------------------


def test_a_run_is_queued_works_and_is_done(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=2))
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message, status.position, status.may_resume) == (State.DONE, "Done.", None, False)
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "done"]
    result = RunFolder.find(run_id).result
    assert result is not None
    assert (result.run, result.value) == (run_id, 2)


def test_events_after_a_number(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=2))
    ending(jobs, run_id, wait)
    everything = jobs.events(run_id)
    assert [event.number for event in everything] == [0, 1, 2, 3, 4, 5]
    assert [event.time for event in everything] == sorted(event.time for event in everything)
    rest: list[Event] = jobs.events(run_id, after=3)
    assert rest == everything[4:]
    assert jobs.events(run_id, after=5) == []


def test_runs_go_one_at_a_time_in_their_order(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    first, second, third = (jobs.submit(recipe(steps=1, hold_at=hold)) for hold in (1, 0, 0))
    reaches(jobs, first, 1, wait)
    assert [jobs.status(run_id).state for run_id in (first, second, third)] == ["running", "queued", "queued"]
    assert [jobs.status(run_id).position for run_id in (first, second, third)] == [None, 1, 2]
    let_go(first)
    for run_id in (first, second, third):
        assert ending(jobs, run_id, wait).state is State.DONE
    times = [[event.time for event in jobs.events(run_id)] for run_id in (first, second, third)]
    assert times[0][-1] <= times[1][1] <= times[1][-1] <= times[2][1]


def test_as_many_at_once_as_allowed(
    open_queue: Callable[[], JobBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_MAX_RUNNING", "2")
    jobs = open_queue()
    ids = [jobs.submit(recipe(steps=1, hold_at=1)) for _ in range(3)]
    for run_id in ids[:2]:
        reaches(jobs, run_id, 1, wait)
    assert [jobs.status(run_id).state for run_id in ids] == ["running", "running", "queued"]
    for run_id in ids:
        let_go(run_id)
    assert [ending(jobs, run_id, wait).state for run_id in ids] == [State.DONE] * 3


# --- what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("input", "a.png: found 0 bytes; a picture is accepted."),
        ("disk", "The disk is full: free some space, then press Resume. Finished epochs are kept."),
        ("memory", "The computer ran out of memory: choose a smaller batch size or model, or close other programs."),
        (
            "card",
            "The graphics card ran out of memory: choose a smaller batch size, smaller pictures or a smaller model.",
        ),
        ("bug", "This is a defect of ours: ZeroDivisionError. The details are in worker.log."),
    ],
)
def test_a_failure_is_a_sentence(jobs: JobBackend, recipe: Recipes, wait: Wait, trouble: str, sentence: str) -> None:
    run_id = jobs.submit(recipe(trouble=trouble))
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message, status.may_resume) == (State.FAILED, sentence, True)
    folder = RunFolder.find(run_id).path
    events, log = (folder / "events.jsonl").read_text(), (folder / "worker.log").read_text()
    assert "Traceback" not in events
    assert "a secret" not in events
    assert ("Traceback" in log) == (trouble != "input")


def test_a_bad_recipe_fails_with_a_sentence_a_problem(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=0, stepz=1))
    assert ending(jobs, run_id, wait).message.splitlines() == [
        "setting steps: found 0; accepted: 1 or more.",
        "setting stepz: there is no such setting; did you mean steps? Known: steps, hold_at, trouble.",
    ]


def test_an_unknown_task_fails_with_a_sentence(jobs: JobBackend, wait: Wait) -> None:
    run_id = jobs.submit(Recipe("toy.singing", "/data", "fingers", Strategy.SCRATCH))
    status = ending(jobs, run_id, wait)
    assert status.state is State.FAILED
    assert status.message.startswith("task: there is no task 'toy.singing'; known: ")


@pytest.mark.parametrize("method", ["status", "events", "cancel"])
@pytest.mark.parametrize("run_id", [NOBODY, "../../etc/passwd", ""])
def test_nobody_has_a_run_of_that_id(jobs: JobBackend, method: str, run_id: str) -> None:
    with pytest.raises(InputError, match="there is no run at this address"):
        getattr(jobs, method)(run_id)


def test_the_queue_has_an_end(
    open_queue: Callable[[], JobBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_MAX_QUEUED", "2")
    jobs = open_queue()
    first = jobs.submit(recipe(steps=1, hold_at=1))
    reaches(jobs, first, 1, wait)
    waiting = [jobs.submit(recipe()) for _ in range(2)]
    folders = set(RunFolder.find(first).path.parent.iterdir())
    with pytest.raises(InputError, match="2 runs are waiting already"):
        jobs.submit(recipe())
    assert set(RunFolder.find(first).path.parent.iterdir()) == folders, "a refused run leaves nothing behind"
    jobs.cancel(waiting[0])
    jobs.submit(recipe())


# --- cancelling -------------------------------------------------------------------------------------


def test_cancel_while_queued(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    first, second = jobs.submit(recipe(steps=1, hold_at=1)), jobs.submit(recipe())
    reaches(jobs, first, 1, wait)
    assert jobs.cancel(second).state is State.CANCELLED
    let_go(first)
    ending(jobs, first, wait)
    third = jobs.submit(recipe(steps=1))
    ending(jobs, third, wait)
    assert told(jobs, second) == ["queued", "cancelled"], "it never started"


def test_cancel_while_running_twice_keeps_the_checkpoint(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=5, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    for _ in range(2):
        status = jobs.cancel(run_id)
        assert status.stopping or status.state is State.CANCELLED
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message) == (State.CANCELLED, "Cancelled. What was learnt so far is kept.")
    assert jobs.cancel(run_id) == status
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "cancelled"]
    assert (RunFolder.find(run_id).path / "checkpoint" / "step").read_text() == "2"


def test_cancel_after_the_end_changes_nothing(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=1))
    status = ending(jobs, run_id, wait)
    before = told(jobs, run_id)
    assert jobs.cancel(run_id) == status
    assert told(jobs, run_id) == before
    assert RunFolder.find(run_id).result is not None


def test_a_run_that_does_not_listen_is_stopped_by_force(
    open_queue: Callable[[], JobBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_GRACE_SECONDS", "1")
    jobs = open_queue()
    run_id = jobs.submit(recipe(trouble="deaf"))
    wait(lambda: "deaf" in told(jobs, run_id), "the run")
    process = worker(run_id)
    jobs.cancel(run_id)
    status = ending(jobs, run_id, wait)
    assert status.state is State.CANCELLED
    assert "by force" in status.message
    assert not process.is_running()


# --- continuing -------------------------------------------------------------------------------------


def test_a_cancelled_run_resumes_from_its_checkpoint(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=3, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    jobs.cancel(run_id)
    ending(jobs, run_id, wait)
    let_go(run_id)
    assert jobs.submit(None, resume=run_id) == run_id
    assert ending(jobs, run_id, wait).state is State.DONE
    assert told(jobs, run_id)[5:] == ["cancelled", "queued", "running", "starts at 2", "3", "done"]


def test_kill_9_loses_nothing_but_the_epoch_in_progress(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=3, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    worker(run_id).kill()
    status = ending(jobs, run_id, wait)
    assert (status.state, status.may_resume) == (State.INTERRUPTED, True)
    assert status.message == "The worker was killed, or the machine went down. Resume continues after epoch 2."
    let_go(run_id)
    jobs.submit(None, resume=run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert told(jobs, run_id)[5:] == ["interrupted", "queued", "running", "starts at 2", "3", "done"]


def test_only_an_unfinished_run_can_be_resumed(jobs: JobBackend, recipe: Recipes, wait: Wait) -> None:
    run_id = jobs.submit(recipe(steps=1, hold_at=1))
    reaches(jobs, run_id, 1, wait)
    with pytest.raises(InputError, match="this one is running"):
        jobs.submit(None, resume=run_id)
    let_go(run_id)
    ending(jobs, run_id, wait)
    with pytest.raises(InputError, match="this one is done"):
        jobs.submit(None, resume=run_id)
    with pytest.raises(InputError, match="neither a recipe nor a run"):
        jobs.submit(None)


# --- several servers, and servers that die ----------------------------------------------------------


def test_a_killed_server_loses_no_run(
    open_queue: Callable[[], JobBackend], kind: str, recipe: Recipes, wait: Wait
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
    following = jobs.submit(recipe(steps=1))
    reaches(jobs, run_id, 2, wait)
    assert [jobs.status(run_id).state, jobs.status(following).state] == [State.RUNNING, State.QUEUED]
    assert worker(run_id) == process, "the same worker goes on"
    let_go(run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert ending(jobs, following, wait).state is State.DONE
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "3", "done"]


def test_a_worker_that_dies_while_no_server_runs_is_noticed(
    open_queue: Callable[[], JobBackend], recipe: Recipes, wait: Wait
) -> None:
    first: Any = open_queue()
    run_id = first.submit(recipe(steps=3, hold_at=1))
    reaches(first, run_id, 1, wait)
    first.close()
    worker(run_id).kill()
    assert ending(open_queue(), run_id, wait).state is State.INTERRUPTED


def test_two_servers_on_one_home_run_every_job_once(
    open_queue: Callable[[], JobBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_MAX_RUNNING", "2")
    servers = [open_queue(), open_queue()]
    ids = [servers[number % 2].submit(recipe(steps=1)) for number in range(8)]
    for run_id in ids:
        assert ending(servers[0], run_id, wait).state is State.DONE
        assert told(servers[1], run_id) == ["queued", "running", "starts at 0", "1", "done"]


# --- deleting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False])
def test_delete(jobs: JobBackend, recipe: Recipes, wait: Wait, running: bool) -> None:
    run_id = jobs.submit(recipe(steps=1, hold_at=int(running)))
    reaches(jobs, run_id, 1, wait)
    if not running:
        ending(jobs, run_id, wait)
    runs = RunFolder.find(run_id).path.parent
    delete(jobs, run_id)
    assert list(runs.iterdir()) == []
    with pytest.raises(InputError, match="there is no run"):
        jobs.status(run_id)
    following = jobs.submit(recipe(steps=1))
    assert ending(jobs, following, wait).state is State.DONE, "the place in the queue is free again"


def test_a_recorded_run_is_not_deleted(
    jobs: JobBackend, recipe: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "showcase", lambda: tmp_path / "showcase")
    recorded = RunFolder.create(recipe(), tmp_path / "showcase" / NOBODY)
    recorded.set_state(State.DONE, "Done.")
    assert jobs.cancel(NOBODY).state is State.DONE
    assert not jobs.status(NOBODY).may_resume
    with pytest.raises(InputError, match="belongs to Headstart"):
        delete(jobs, NOBODY)
    assert recorded.path.is_dir()
