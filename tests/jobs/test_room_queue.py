"""The queue of a room: first models before comparisons, one process for several heads, a pause, and an end that leaves
nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engines import paths, runs, shown_ids
from engines.contract import InputError, Job, State, Strategy
from engines.datasets.folder import DatasetFolder
from engines.hosting import usage
from engines.jobs import backends, room_end
from engines.jobs.contract import JobBackend
from engines.jobs.local.backend import LocalBackend
from engines.rooms import database, members, queueing, rooms
from engines.rooms.rooms import Room
from engines.runs import RunFolder
from tests.pages import finished_run

Jobs = Callable[..., Job]
Wait = Callable[..., Any]
WORDS = "quetzalcoatl"


@pytest.fixture
def room() -> Room:
    return rooms.open_room(f"Room {WORDS}")[0]


def of(job: Job, room: Room, visitor: str) -> Job:
    """The job as somebody's of the room."""
    return replace(job, owner=members.join(room.code, visitor, f"{visitor} {WORDS}").owner)


def compared(job: Jobs, **settings: object) -> Job:
    """A fit with a comparison behind it."""
    made = job(steps=2, baseline="scratch", **settings)
    return replace(made, recipe=replace(made.recipe, strategy=Strategy.FULL))


def ends(jobs: JobBackend, run_id: str) -> Callable[[], bool]:
    return lambda: jobs.status(run_id).state.finished


def moments(run_ids: list[str]) -> list[tuple[float, str]]:
    """What each run came to first and when: 'transfer', its model, and 'scratch', what that is compared with. (A run
    that goes on with its comparison tests its model again, and says so again.)"""
    found: list[tuple[float, str]] = []
    for run_id in run_ids:
        told = [event for event in RunFolder.find(run_id).events() if event.kind == "result"]
        for series in ("transfer", "scratch"):
            found.append(next((event.time, series) for event in told if event.data["series"] == series))
    return sorted(found)


def test_everybodys_first_model_comes_before_any_comparison_out_of_one_process(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "several_in_one_process", lambda job: job.priority > queueing.COMPARISON)
    rooms.pause(room.code, True)
    jobs = open_queue()
    queued = [jobs.submit(of(compared(job), room, visitor)) for visitor in ("ann", "bob")]
    further = jobs.submit(of(compared(job), room, "ann"))
    assert all(jobs.status(run_id).state is State.QUEUED for run_id in queued)
    rooms.pause(room.code, False)
    for run_id in (*queued, further):
        wait(ends(jobs, run_id), "the run to end")
    assert [series for _time, series in moments([*queued, further])] == ["transfer"] * 3 + ["scratch"] * 3
    (further_model,) = (time for time, series in moments([further]) if series == "transfer")
    assert further_model > max(time for time, series in moments(queued) if series == "transfer")
    for run_id in queued:
        run = RunFolder.find(run_id)
        assert run.result is not None
        assert run.result.comparison == "done"
        assert [event.data["state"] for event in run.events() if event.kind == "status"] == [
            *("queued", "running", "queued", "running", "done")
        ]
    standing = jobs.standing([RunFolder.find(run_id).job.owner for run_id in queued])
    assert sorted(each.done for each in standing.values()) == [1, 2]


def test_one_process_works_through_several_runs_and_leaves_after_one_that_fails(
    open_queue: Callable[[], LocalBackend], job: Jobs, wait: Wait, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "several_in_one_process", lambda job: job.priority > queueing.COMPARISON)
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "1")
    jobs, seen = open_queue(), []
    for number, trouble in enumerate(("", "", "bug", "")):
        held = of(job(steps=1, hold_at=1 if not trouble else 0, trouble=trouble), room, f"visitor {number}")
        run_id = jobs.submit(held)
        run = RunFolder.find(run_id)
        if not trouble:
            wait(lambda run=run: (run.path / "worker.json").is_file() and len(run.events()) > 2, "the run to hold")
            seen.append(json.loads((run.path / "worker.json").read_text())["pid"])
            (run.path / "go").touch()
        wait(ends(jobs, run_id), "the run to end")
        assert jobs.status(run_id).state is (State.FAILED if trouble else State.DONE)
        wait(lambda run_id=run_id: jobs._store.get(run_id).state.finished, "the queue to know it")  # type: ignore[union-attr]
    assert seen[0] == seen[1]
    assert seen[2] != seen[1]


def test_a_comparison_that_waits_can_be_waived(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, room: Room
) -> None:
    jobs = open_queue()
    run_id = jobs.submit(of(compared(job), room, "ann"))
    blocker = jobs.submit(of(job(steps=1, hold_at=1), room, "bob"))  # goes before ann's comparison, and holds
    run = RunFolder.find(run_id)
    wait(lambda: run.result and jobs.status(run_id).position, "the comparison to wait")
    assert run.result is not None
    assert run.result.comparison == "running"
    assert jobs.status(run_id).position == 1
    assert jobs.cancel(run_id).state is State.DONE
    assert run.result.comparison == "skipped"
    (RunFolder.find(blocker).path / "go").touch()
    wait(ends(jobs, blocker), "the other run to end")


def test_nothing_is_taken_for_a_room_that_is_over(jobs: JobBackend, job: Jobs, room: Room) -> None:
    theirs = of(job(steps=1), room, "ann")
    with database.writing() as table:
        table.execute("UPDATE rooms SET until = 0")
    with pytest.raises(InputError, match="this room is over"):
        jobs.submit(theirs)
    assert backends.cleanup.runs() == []


def test_whoever_is_in_no_room_is_served_as_ever(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, room: Room
) -> None:
    jobs = open_queue()
    assert room.code
    run_id = jobs.submit(replace(compared(job), owner="a visitor"))
    wait(ends(jobs, run_id), "the run to end")
    assert RunFolder.find(run_id).job.priority == 0
    assert [event.data["state"] for event in RunFolder.find(run_id).events() if event.kind == "status"] == [
        *("queued", "running", "done")
    ]


# --- the end ----------------------------------------------------------------------------------------


def belongings(owner: str) -> tuple[RunFolder, DatasetFolder]:
    """A finished run of an upload, an upload that no run uses, a data set and one that was deleted a moment ago."""
    uploads = [paths.uploads() / runs.new_id() for _ in range(2)]
    for upload in uploads:
        upload.mkdir(parents=True)
        data = upload / "data.csv"
        data.write_text(f"text,label\n{WORDS},a\n")
        origin = {"title": f"{WORDS}.csv", "path": str(data), "sample": None, "owner": owner}
        (upload / "origin.json").write_text(json.dumps(origin))
        (paths.work(data) / f"{WORDS}.txt").write_text(WORDS)
    run = finished_run.write(paths.runs() / runs.new_id(), title=f"Run of {WORDS}")
    recipe = replace(run.recipe, data=str(uploads[0] / "data.csv"))
    run.write("recipe.json", recipe.to_json())
    run.write("job.json", Job(recipe, owner=owner).to_json())
    (paths.cache() / "ab12.npy").write_text(WORDS)
    run.write(runs.CACHED, "ab12")
    shown_ids.publish(run.id)
    dataset = DatasetFolder.create("texts", f"Set of {WORDS}", owner)
    dataset.add(WORDS.encode(), f"{WORDS}.txt", WORDS)
    gone = DatasetFolder.create("texts", f"Gone, {WORDS}", owner)
    gone.delete(undo=True)
    usage.spend(owner, "runs", 1, 0)
    return run, dataset


def holding(words: str) -> list[str]:
    """Files below the home whose name or content has these words."""
    return [
        str(file.relative_to(paths.home()))
        for file in paths.home().rglob("*")
        if words in file.name or (file.is_file() and words.encode() in file.read_bytes())
    ]


def test_after_the_end_nothing_of_it_is_left_and_everything_else_is(
    open_queue: Callable[[], JobBackend], job: Jobs, wait: Wait, room: Room
) -> None:
    jobs = open_queue()
    outside, kept = belongings("a visitor")
    mine = of(job(steps=1), room, "ann")
    finished, _dataset = belongings(mine.owner)
    trained = jobs.submit(mine)
    wait(ends(jobs, trained), "the run to end")
    held = jobs.submit(of(job(steps=1, hold_at=1), room, "bob"))
    waiting = jobs.submit(of(job(steps=1), room, "bob"))
    left = members.join(room.code, "cleo", f"Cleo {WORDS}")
    belongings(left.owner)
    members.leave(left)
    owners = [member.owner for member in members.everybody(room.code)]
    before = set(holding(WORDS))
    told: list[tuple[int, int]] = []

    assert room_end.end(jobs, room.code, lambda done, total: told.append((done, total))) == 5

    assert told == [(0, 3), (1, 3), (2, 3)]
    assert rooms.every() == []
    assert members.of_visitor("ann") is None
    for run_id in (finished.id, trained, held, waiting):
        with pytest.raises(InputError):
            RunFolder.find(run_id)
    assert outside.exists
    assert kept.exists
    after = set(holding(WORDS))
    theirs = {str(path.relative_to(paths.home())) for path in paths.home().rglob("*")}
    assert after < before
    for file in after:  # every file that still has the words belongs to the visitor outside
        place = file.split("/")
        assert place[0] in {"runs", "uploads", "datasets", "work", "cache"}, file
    assert len([file for file in after if file.startswith("uploads/")]) == len(list(paths.uploads().iterdir())) * 2
    assert [path.name for path in paths.runs().iterdir()] == [outside.id]
    assert not any(word in name for name in theirs for word in (room.code, finished.id, trained, *owners))
    wait(lambda: not _rows(), "the queue to forget them")
    table = sqlite3.connect(paths.home() / "visitors.sqlite3")
    assert [row[0] for row in table.execute("SELECT visitor FROM used")] == ["a visitor"]
    table.close()


def _rows() -> list[Any]:
    table = sqlite3.connect(paths.home() / "queue.sqlite3")
    try:
        return table.execute("SELECT id FROM runs").fetchall()
    finally:
        table.close()


def test_an_end_that_was_broken_off_is_finished(jobs: JobBackend, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _dataset = belongings(members.join(room.code, "ann").owner)
    with monkeypatch.context() as patch:
        patch.setattr(backends, "delete_all_of", lambda *_given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            room_end.end(jobs, room.code)
    assert rooms.find(room.code).over
    assert members.of_visitor("ann") is None
    with pytest.raises(InputError, match="this room is over"):
        members.join(room.code, "ann")
    room_end.finish(jobs)
    assert rooms.every() == []
    assert not run.exists
    assert holding(WORDS) == []
