"""What every JobBackend promises of a run that is left alone, on each of `queues.QUEUES`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engines.contract import Event, InputError, Job, Recipe, State, Strategy
from engines.jobs.contract import JobBackend
from engines.jobs.worker import VERBS
from engines.runs import RunFolder
from tests.jobs.watching import BOTH, Jobs, Wait, ending, let_go, reaches, told

NOBODY = "A" * 22


# --- the straight way -------------------------------------------------------------------------------


def test_a_run_is_queued_works_and_is_done(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=2))
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message, status.position, status.may_resume) == (State.DONE, "Done.", None, False)
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "done"]
    result = RunFolder.find(run_id).result
    assert result is not None
    assert (result.run, result.value) == (run_id, 2)


def test_events_after_a_number(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=2))
    ending(jobs, run_id, wait)
    everything = jobs.events(run_id)
    assert [event.number for event in everything] == [0, 1, 2, 3, 4, 5, 6]
    assert [event.kind for event in everything][-2:] == ["result", "status"]
    assert [event.time for event in everything] == sorted(event.time for event in everything)
    rest: list[Event] = jobs.events(run_id, after=3)
    assert rest == everything[4:]
    assert jobs.events(run_id, after=6) == []


@BOTH
def test_runs_go_one_at_a_time_in_their_order(jobs: JobBackend, job: Jobs, wait: Wait, verb: str) -> None:
    first, second, third = (jobs.submit(job(verb, steps=1, hold_at=hold)) for hold in (1, 0, 0))
    reaches(jobs, first, 1, wait)
    assert [jobs.status(run_id).state for run_id in (first, second, third)] == ["running", "queued", "queued"]
    assert [jobs.status(run_id).position for run_id in (first, second, third)] == [None, 1, 2]
    let_go(first)
    for run_id in (first, second, third):
        assert ending(jobs, run_id, wait).state is State.DONE
    times = [[event.time for event in jobs.events(run_id)] for run_id in (first, second, third)]
    assert times[0][-1] <= times[1][1] <= times[1][-1] <= times[2][1]


def test_a_waiting_run_changes_places_with_ones_own_before_it(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    running = jobs.submit(job(steps=1, hold_at=1))
    reaches(jobs, running, 1, wait)
    first, others, second = (
        jobs.submit(replace(job(steps=1), owner=owner)) for owner in ("mine", "somebody else's", "mine")
    )
    before = [jobs.status(run_id).position for run_id in (first, others, second)]
    assert jobs.sooner(second).position == before[0]
    assert [jobs.status(run_id).position for run_id in (first, others, second)] == before[::-1]
    assert jobs.sooner(second).position == before[0], "nothing of one's own is before it"
    assert jobs.status(others).position == before[1]
    with pytest.raises(InputError, match=r"^run: this one is running; only a run that waits can be moved\.$"):
        jobs.sooner(running)
    let_go(running)
    for run_id in (first, others, second):
        assert ending(jobs, run_id, wait).state is State.DONE
    began = {run_id: jobs.events(run_id)[1].time for run_id in (first, second)}
    assert began[second] < began[first]


def test_a_higher_priority_goes_first(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    first = jobs.submit(job(steps=1, hold_at=1))
    reaches(jobs, first, 1, wait)
    ids = [jobs.submit(replace(job(steps=1), priority=priority)) for priority in (0, 5, 5)]
    assert [jobs.status(run_id).position for run_id in ids] == [3, 1, 2]
    let_go(first)
    ends = []
    for run_id in ids:
        assert ending(jobs, run_id, wait).state is State.DONE
        ends.append(jobs.events(run_id)[-1].time)
    assert sorted(ends) == [ends[1], ends[2], ends[0]]


def test_as_many_at_once_as_allowed(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_MAX_RUNNING", "2")
    jobs = open_queue()
    ids = [jobs.submit(job(steps=1, hold_at=1)) for _ in range(3)]
    for run_id in ids[:2]:
        reaches(jobs, run_id, 1, wait)
    assert [jobs.status(run_id).state for run_id in ids] == ["running", "running", "queued"]
    for run_id in ids:
        let_go(run_id)
    assert [ending(jobs, run_id, wait).state for run_id in ids] == [State.DONE] * 3


# --- what goes wrong --------------------------------------------------------------------------------


@BOTH
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
def test_a_failure_is_a_sentence(
    jobs: JobBackend, job: Jobs, wait: Wait, trouble: str, sentence: str, verb: str
) -> None:
    run_id = jobs.submit(job(verb, trouble=trouble))
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message, status.may_resume) == (State.FAILED, sentence, True)
    folder = RunFolder.find(run_id).path
    events, log = (folder / "events.jsonl").read_text(), (folder / "worker.log").read_text()
    assert "Traceback" not in events
    assert "a secret" not in events
    assert ("Traceback" in log) == (trouble != "input")


@BOTH
def test_a_bad_recipe_fails_with_a_sentence_a_problem(jobs: JobBackend, job: Jobs, wait: Wait, verb: str) -> None:
    run_id = jobs.submit(job(verb, steps=0, stepz=1))
    assert ending(jobs, run_id, wait).message.splitlines() == [
        "setting steps: found 0; accepted: 1 or more.",
        "setting stepz: there is no such setting; did you mean steps? Known: "
        "accept_guesses, steps, hold_at, pause, trouble, baseline.",
    ]


def test_an_unknown_task_fails_with_a_sentence(jobs: JobBackend, wait: Wait) -> None:
    run_id = jobs.submit(Job(Recipe("toy.singing", "/data", "fingers", Strategy.SCRATCH)))
    status = ending(jobs, run_id, wait)
    assert status.state is State.FAILED
    assert status.message.startswith("task: there is no task 'toy.singing'; known: ")


@pytest.mark.parametrize(
    ("verb", "arguments", "sentence"),
    [
        ("sing", {}, f"job: there is no verb 'sing'; accepted: {', '.join(VERBS)}."),
        (
            "compare",
            {"budgets": "many"},
            "arguments of 'compare': found {'budgets': 'many'}; "
            "accepted: budgets, a list of whole numbers, and seeds, a whole number.",
        ),
        ("compare", {"budgets": [1, 500], "seeds": 1}, "budgets: found 500; accepted: 1 to 100 steps."),
    ],
)
def test_a_job_that_nobody_can_do_fails_with_a_sentence(
    jobs: JobBackend, job: Jobs, wait: Wait, verb: str, arguments: dict[str, Any], sentence: str
) -> None:
    run_id = jobs.submit(replace(job("compare"), verb=verb, arguments=arguments))
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message) == (State.FAILED, sentence)
    assert "Traceback" not in (RunFolder.find(run_id).path / "worker.log").read_text()


@pytest.mark.parametrize("method", ["status", "events", "cancel"])
@pytest.mark.parametrize("run_id", [NOBODY, "../../etc/passwd", ""])
def test_nobody_has_a_run_of_that_id(jobs: JobBackend, method: str, run_id: str) -> None:
    with pytest.raises(InputError, match="there is no run at this address"):
        getattr(jobs, method)(run_id)


def test_the_queue_has_an_end(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_MAX_QUEUED", "2")
    jobs = open_queue()
    first = jobs.submit(job(steps=1, hold_at=1))
    reaches(jobs, first, 1, wait)
    waiting = [jobs.submit(job()) for _ in range(2)]
    folders = set(RunFolder.find(first).path.parent.iterdir())
    with pytest.raises(InputError, match="2 runs are waiting already"):
        jobs.submit(job())
    assert set(RunFolder.find(first).path.parent.iterdir()) == folders, "a refused run leaves nothing behind"
    jobs.cancel(waiting[0])
    jobs.submit(job())


# --- comparisons ------------------------------------------------------------------------------------


def compared(run_id: str) -> dict[str, Any]:
    found = RunFolder.find(run_id).comparison
    assert found is not None
    return found


def test_a_comparison_is_queued_works_and_is_done(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    asked = job("compare", steps=2)
    run_id = jobs.submit(asked)
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message, status.may_resume) == (State.DONE, "Done.", False)
    assert told(jobs, run_id) == ["queued", "running", *["starts at 0"] * 4, "done"]
    steps = [(event.data["done"], event.data["total"]) for event in jobs.events(run_id) if event.kind == "progress"]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    found = compared(run_id)
    points = {(point["budget"], point["strategy"]): point["mean"] for point in found["points"]}
    assert points == {(1, "full"): 2, (1, "scratch"): 1, (2, "full"): 4, (2, "scratch"): 3}
    named = {"task": "toy.counting", "model": "fingers", "strategy": "full", "metric": "count", "unit": "steps"}
    apart = {"value": 1, "low": 1, "high": 1, "n": 1, "seeds": 1}
    judged = {"verdict": None, "scope": "networks", "side": "better", "against": "scratch", "difference": apart}
    assert found.items() >= {**named, **judged, **apart}.items()
    run = RunFolder.find(run_id)
    assert (run.job.verb, run.job.arguments, run.result) == ("compare", asked.arguments, None)
    assert run.trials_done == 4, "so that more seeds may follow"


def test_a_run_that_is_done_may_be_given_another_job(jobs: JobBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=1))
    assert ending(jobs, run_id, wait).state is State.DONE
    with pytest.raises(InputError, match="only a run that failed, was cancelled or was interrupted"):
        jobs.submit(None, resume=run_id)
    run = RunFolder.find(run_id)

    def given() -> bool:
        with contextlib.suppress(InputError):  # its worker is still on the way out
            return jobs.submit(Job(run.recipe, "longer"), resume=run_id) == run_id
        return False

    wait(given, "it is queued again")
    status = ending(jobs, run_id, wait)
    assert (status.state, status.may_resume) == (State.FAILED, True)
    assert "its baseline cannot go on" in status.message, "a toy has none"
    assert run.result is not None, "what it came to stays"
