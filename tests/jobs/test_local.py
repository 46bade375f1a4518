"""What only the local queue has: its database, its spare workers, its graphics cards."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import paths
from engines.contract import InputError, Job, Recipe, Resources, State, Strategy
from engines.jobs import limits, worker
from engines.jobs.backends import backend
from engines.jobs.limits import Places
from engines.jobs.local import dispatcher, gpus
from engines.jobs.local.backend import LocalBackend
from engines.jobs.local.dispatcher import Dispatcher
from engines.jobs.local.queue_db import Asked, Row, Store
from engines.jobs.worker import worker_of
from engines.runs import RunFolder

Jobs = Callable[..., Job]
Recipes = Callable[..., Recipe]
Wait = Callable[..., Any]
DEAD = (1, 2.0)  # there is a process 1, but it did not begin then


@pytest.fixture
def opened() -> Iterator[Callable[[], LocalBackend]]:
    queues: list[LocalBackend] = []

    def open_one() -> LocalBackend:
        queues.append(LocalBackend())
        return queues[-1]

    yield open_one
    for queue in queues:
        queue.close()


def done(jobs: LocalBackend, run_id: str) -> Callable[[], bool]:
    return lambda: jobs.status(run_id).state is State.DONE


# --- the table --------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "queue.sqlite3")
    yield store
    store.close()


def test_claims_go_in_order_and_into_free_slots(store: Store) -> None:
    for run_id in "abc":
        assert store.add(run_id, limit=3)
    assert not store.add("d", limit=3)
    claims = [store.claim(Places(0, 2), DEAD) for _ in range(3)]
    assert [(row.id, row.slot) if row else None for row in claims] == [("a", 0), ("b", 1), None]
    assert store.move("a", State.RUNNING, State.DONE)
    assert not store.move("a", State.RUNNING, State.FAILED)
    row = store.claim(Places(0, 2), DEAD)
    assert row
    assert (row.id, row.slot, row.owner_pid) == ("c", 0, 1)
    assert store.claim(Places(0, 2), DEAD) is None


def test_a_run_that_needs_no_card_waits_for_none(store: Store) -> None:
    asked = {"a": 1, "b": 1, "c": 0, "d": 0, "e": 1}
    for run_id, cards in asked.items():
        assert store.add(run_id, 9, asked=Asked(gpus=cards))
    places = Places(cards=2, processor=1)
    claims = [store.claim(places, DEAD) for _ in range(4)]
    assert [(row.id, row.slot) if row else None for row in claims] == [("a", 0), ("b", 1), ("c", 2), None]
    assert store.move("c", State.RUNNING, State.DONE)
    row = store.claim(places, DEAD)
    assert row
    assert (row.id, row.slot) == ("d", 2)
    assert store.claim(places, DEAD) is None
    assert store.move("a", State.RUNNING, State.DONE)
    assert (row := store.claim(places, DEAD))
    assert (row.id, row.slot) == ("e", 0)


def test_where_only_cards_have_places_any_run_takes_one(store: Store) -> None:
    assert store.add("a", 9, asked=Asked(gpus=0))
    assert store.claim(Places(cards=1, processor=0), DEAD)


def test_a_policy_asks_for_no_card_and_photographs_do() -> None:
    def cards(task: str) -> int:
        return Asked.by(Job(Recipe(task, "data", "any", Strategy.FULL))).gpus

    assert (cards("control.policy"), cards("vision.classification")) == (0, 1)


@pytest.mark.parametrize(
    ("cards", "told", "expected"),
    [
        (0, {}, (0, 1)),
        (0, {"HEADSTART_MAX_RUNNING": "3"}, (0, 3)),
        (2, {}, (2, 1)),
        (2, {"HEADSTART_MAX_RUNNING": "1"}, (1, 0)),
        (2, {"HEADSTART_MAX_RUNNING": "2"}, (2, 0)),
        (2, {"HEADSTART_RUNS_A_CARD": "2"}, (4, 1)),
    ],
)
def test_places(cards: int, told: dict[str, str], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert limits.places(cards) == expected


def served(store: Store) -> list[str]:
    """Who is taken from the queue, one after the other, until nobody waits."""
    taken = []
    while row := store.claim(Places(0, 1), DEAD):
        taken.append(row.id)
        store.move(row.id, State.RUNNING, State.DONE)
    return taken


def test_owners_take_turns(store: Store) -> None:
    for run_id, owner in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")]:
        assert store.add(run_id, 9, asked=Asked(owner=owner))
    order = ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert [row.id for row in store.queued()] == order
    assert served(store) == order


def test_twenty_runs_of_one_delay_anothers_first_by_one(store: Store) -> None:
    for number in range(20):
        assert store.add(f"a{number}", 99, asked=Asked(owner="a"))
    assert store.claim(Places(0, 1), DEAD)
    assert store.add("b", 99, asked=Asked(owner="b"))
    assert store.queued()[0].id == "b"


def test_a_higher_priority_goes_before_any_turn(store: Store) -> None:
    store.add("a", 9, asked=Asked(owner="a"))
    store.add("b1", 9, asked=Asked(owner="b", priority=1))
    store.add("b2", 9, asked=Asked(owner="b", priority=1))
    assert served(store) == ["b1", "b2", "a"]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_what_the_queue_says_is_what_it_does(owners: list[str]) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "queue.sqlite3")
        for number, owner in enumerate(owners):
            store.add(str(number), 99, asked=Asked(owner=owner))
        said = [row.id for row in store.queued()]
        assert served(store) == said
        store.close()


def test_a_move_is_undone_when_what_belongs_to_it_fails(store: Store) -> None:
    store.add("a", 9)

    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.move("a", State.QUEUED, State.CANCELLED, fail)
    assert [row.id for row in store.queued()] == ["a"]


def test_queueing_twice_changes_nothing(store: Store) -> None:
    said: list[str] = []
    for _ in range(2):
        assert store.add("a", 9, lambda: said.append("queued"))
    store.claim(Places(0, 1), DEAD)
    assert store.add("a", 9, lambda: said.append("queued"))
    assert [row.id for row in store.running()] == ["a"]
    assert said == ["queued"]


def test_a_file_of_a_newer_headstart_still_works(tmp_path: Path) -> None:
    Store(tmp_path / "queue.sqlite3").close()
    newer = sqlite3.connect(tmp_path / "queue.sqlite3")
    newer.execute("ALTER TABLE runs ADD COLUMN patience INTEGER DEFAULT 5")
    newer.execute("PRAGMA user_version = 7")
    newer.close()
    store = Store(tmp_path / "queue.sqlite3")
    assert store.add("a", 9)
    assert store.claim(Places(0, 1), DEAD)
    store.close()


def test_a_file_of_version_1_gets_its_new_columns_and_keeps_its_order(tmp_path: Path) -> None:
    older = sqlite3.connect(tmp_path / "queue.sqlite3")
    older.executescript(
        """CREATE TABLE IF NOT EXISTS runs (
               id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL NOT NULL, started REAL,
               pid INTEGER, pid_created REAL, slot INTEGER, owner_pid INTEGER, owner_created REAL);
           CREATE INDEX IF NOT EXISTS by_state ON runs (state, created);
           CREATE UNIQUE INDEX IF NOT EXISTS one_a_slot ON runs (slot) WHERE state = 'running';
           PRAGMA user_version = 1;
           INSERT INTO runs (id, state, created, started, pid, pid_created, slot, owner_pid, owner_created)
           VALUES ('a', 'running', 1.0, 1.5, 7, 1.6, 0, 8, 1.4);
           INSERT INTO runs (id, state, created) VALUES ('b', 'queued', 2.0), ('c', 'queued', 3.0);"""
    )
    older.close()
    for _ in range(2):  # once migrated, it is opened as it is
        store = Store(tmp_path / "queue.sqlite3")
        assert not store.new
        assert store.running() == [Row("a", State.RUNNING, Asked("fit", "", 0, 1, 0), 1.0, 1.5, 7, 1.6, 0, 8, 1.4)]
        assert [row.id for row in store.queued()][-2:] == ["b", "c"]
        store.add("urgent", 9, asked=Asked(priority=1))
        assert [row.id for row in store.queued()] == ["urgent", "b", "c"]
        store.close()


def test_the_queue_knows_what_a_job_asks_and_takes_the_urgent_first(store: Store) -> None:
    asked = Asked("compare", "ada", 3, 2, 5_000_000_000)
    for run_id, wanted in {"a": Asked(), "b": asked, "c": asked}.items():
        store.add(run_id, 9, asked=wanted)
    claimed = store.claim(Places(0, 9), DEAD)
    assert claimed
    assert (claimed.id, claimed.asked) == ("b", asked)
    store.move("b", State.RUNNING, State.FAILED)
    store.add("b", 9, asked=Asked())  # it is resumed, and asks for less
    assert [(row.id, row.asked) for row in store.queued()] == [("c", asked), ("a", Asked()), ("b", Asked())]


# --- the database can be rebuilt --------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["lost", "broken"])
def test_without_its_database_the_queue_finds_its_runs(
    opened: Callable[[], LocalBackend], job: Jobs, wait: Wait, damage: str
) -> None:
    first = opened()
    running, waiting = first.submit(job(steps=2, hold_at=1)), first.submit(job(steps=1))
    wait(lambda: (RunFolder.find(running).path / "checkpoint" / "step").exists(), "the first step")
    first.close()
    for file in paths.home().glob("queue.sqlite3*"):
        file.unlink()
    if damage == "broken":
        (paths.home() / "queue.sqlite3").write_bytes(b"no database at all" * 100)
    second = opened()
    assert [second.status(run_id).state for run_id in (running, waiting)] == [State.RUNNING, State.QUEUED]
    (RunFolder.find(running).path / "go").touch()
    wait(done(second, running), "the adopted run")
    wait(done(second, waiting), "the waiting run")
    assert len(list(paths.home().glob("queue.sqlite3.broken-*"))) == (damage == "broken")


def test_a_run_on_disk_that_the_queue_never_saw(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait
) -> None:
    """Such as one that `fit` made and that lost its process."""
    jobs = opened()
    run = RunFolder.create(recipe(steps=1))
    assert jobs.status(run.id).state is State.QUEUED
    run.set_state(State.RUNNING, "Starting.")
    wait(lambda: jobs.status(run.id).state is State.INTERRUPTED, "the queue to notice")
    assert jobs.status(run.id).message.endswith("Resume starts from the beginning.")
    wait(lambda: jobs.status(run.id).may_resume, "its place to be free")
    jobs.submit(None, resume=run.id)
    wait(done(jobs, run.id), "the resumed run")


@pytest.mark.parametrize(("comparison", "state"), [("running", State.INTERRUPTED), ("skipped", State.DONE)])
def test_a_worker_that_dies_while_training_from_scratch_has_not_done_its_run(
    opened: Callable[[], LocalBackend], job: Jobs, wait: Wait, comparison: str, state: State
) -> None:
    run = RunFolder.create(job(steps=1))
    assert worker.execute(run) == 0
    assert run.result
    run.write("result.json", replace(run.result, comparison=comparison).to_json())
    run.set_state(State.RUNNING, "Starting.")
    os.utime(run.path / "heartbeat", (0, 0))
    jobs = opened()
    wait(lambda: jobs.status(run.id).state is state, "the queue to notice")
    if state is State.INTERRUPTED:
        wait(lambda: jobs.status(run.id).may_resume, "its place to be free")
        jobs.submit(None, resume=run.id)
        wait(done(jobs, run.id), "the resumed run")


def test_a_rebuilt_queue_knows_the_jobs_and_leaves_out_what_it_cannot_read(
    opened: Callable[[], LocalBackend], job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dispatcher, "wake", lambda _: None)
    asked = replace(job("compare"), owner="ada", priority=2, resources=Resources(gpus=0, memory_bytes=10))
    run, newer = RunFolder.create(asked), RunFolder.create(asked)
    newer.write("job.json", json.dumps({**json.loads(asked.to_json()), "schema": 99, "patience": 5}))
    for one in (run, newer):
        one.set_state(State.QUEUED, "Waiting for its turn.")
    jobs = opened()
    assert [(row.id, row.asked) for row in jobs._store.queued()] == [(run.id, Asked("compare", "ada", 2, 0, 10))]
    with pytest.raises(InputError, match=r"job\.json: a newer Headstart has written it \(schema 99, with patience\)"):
        jobs.status(newer.id)


# --- what a server may find -------------------------------------------------------------------------


def test_a_run_that_a_dead_app_took_but_never_started_goes_on(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "UNCONFIRMED_SECONDS", 0.0)
    run = RunFolder.create(recipe(steps=1))
    store = Store(paths.home() / "queue.sqlite3")
    store.add(run.id, 9, lambda: run.set_state(State.QUEUED))
    assert store.claim(Places(0, 1), DEAD)
    store.close()
    jobs = opened()
    wait(done(jobs, run.id), "the run")
    assert [event.data["state"] for event in run.events() if event.kind == "status"] == ["queued", "running", "done"]


def test_a_silent_worker_is_left_alone_and_told_about(
    opened: Callable[[], LocalBackend], job: Jobs, wait: Wait
) -> None:
    jobs = opened()
    run = RunFolder.find(jobs.submit(job(steps=1, hold_at=1)))
    wait(lambda: (run.path / "checkpoint" / "step").exists(), "the first step")
    pid, _ = wait(lambda: worker_of(run), "the worker")
    psutil.Process(pid).suspend()
    long_ago = time.time() - 100
    os.utime(run.path / "heartbeat", (long_ago, long_ago))
    status = jobs.status(run.id)
    assert status.state is State.RUNNING
    assert status.message.startswith("No sign of life for 10")
    psutil.Process(pid).resume()
    (run.path / "go").touch()
    wait(done(jobs, run.id), "the run")


# --- spare workers and cards ------------------------------------------------------------------------


def test_a_spare_worker_takes_the_next_run(
    opened: Callable[[], LocalBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "1")
    jobs = opened()
    jobs.warm_up()
    spares = jobs._dispatcher.local.spares
    (spare,) = wait(lambda: list(spares), "a spare worker")
    run_id = jobs.submit(job(steps=1, hold_at=1))
    run = RunFolder.find(run_id)
    wait(lambda: (run.path / "checkpoint" / "step").exists(), "the first step")
    assert f'"pid": {spare.pid}' in (run.path / "worker.json").read_text()
    (run.path / "go").touch()
    wait(done(jobs, run_id), "the run")


def test_a_dead_spare_worker_is_passed_over(
    opened: Callable[[], LocalBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "1")
    jobs = opened()
    jobs.warm_up()
    (spare,) = wait(lambda: list(jobs._dispatcher.local.spares), "a spare worker")
    spare.kill()
    spare.wait()
    run_id = jobs.submit(job(steps=1))
    wait(done(jobs, run_id), "the run")


def test_each_run_has_a_card_of_its_own(
    opened: Callable[[], LocalBackend], job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "names", lambda: ("GPU-a", "GPU-b"))
    jobs = opened()
    runs = [RunFolder.find(jobs.submit(job(steps=1, hold_at=1))) for _ in range(3)]
    for run in runs[:2]:
        wait(lambda run=run: (run.path / "checkpoint" / "step").exists(), "the first step")
    assert jobs.status(runs[2].id).position == 1
    for run in runs:
        (run.path / "go").touch()
    for run in runs:
        wait(done(jobs, run.id), "the run")
    cards = [(run.path / "worker.log").read_text().split()[1] for run in runs]
    assert all("expandable_segments:True" in (run.path / "worker.log").read_text() for run in runs)
    assert cards[:2] == ["GPU-a", "GPU-b"]
    assert cards[2] in cards[:2]


@pytest.mark.parametrize(("chosen", "names"), [("", ()), ("-1", ()), ("2", ("2",)), ("GPU-a, 1", ("GPU-a", "1"))])
def test_cards_that_somebody_chose(monkeypatch: pytest.MonkeyPatch, chosen: str, names: tuple[str, ...]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert gpus.names.__wrapped__() == names


@pytest.mark.parametrize(("size", "groups"), [(1, ("a", "b", "c")), (2, ("a,b",)), (3, ("a,b,c",)), (8, ("a,b,c",))])
def test_cards_of_a_run_of_several_processes(
    monkeypatch: pytest.MonkeyPatch, size: int, groups: tuple[str, ...]
) -> None:
    monkeypatch.setattr(gpus, "names", lambda: ("a", "b", "c"))
    assert gpus.groups(size) == groups
    monkeypatch.setattr(gpus, "names", lambda: ())
    assert gpus.groups(size) == ()


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("HEADSTART_MAX_RUNNING", "0", "1 or more"),
        ("HEADSTART_MAX_QUEUED", "many", "0 or more"),
        ("HEADSTART_SPARE_WORKERS", "-1", "0 or more"),
        ("HEADSTART_GRACE_SECONDS", "1.5", "0 or more"),
        ("HEADSTART_PROCESSES", "0", "1 or more"),
    ],
)
def test_a_limit_that_is_no_number_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        LocalBackend()
    assert str(caught.value) == f"environment variable {name}: found {value!r}; accepted: {accepted}."


def test_an_unknown_queue_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_BACKEND", "cloud")
    with pytest.raises(InputError) as caught:
        backend()
    assert str(caught.value) == "environment variable HEADSTART_BACKEND: found 'cloud'; accepted: local."


@pytest.mark.parametrize("chosen", ["", "local"])
def test_the_queue_of_this_installation_is_opened_once(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.setenv("HEADSTART_BACKEND", chosen)
    jobs = backend()
    assert isinstance(jobs, LocalBackend)
    assert backend() is jobs
    jobs.close()


def test_where_resume_starts_is_what_the_newest_checkpoint_holds(recipe: Callable[..., Recipe]) -> None:
    run = RunFolder.create(recipe())
    for epoch in range(1, 37):
        run.emit("epoch", epoch=epoch)
    assert "from the beginning" in dispatcher.where_resume_starts(run)
    for phase, epoch in (("head", 10), ("fine-tuning", 12)):
        (run.path / "checkpoint" / phase).mkdir(parents=True)
        (run.path / "checkpoint" / phase / "progress.json").write_text(json.dumps({"epoch": epoch}))
        os.utime(run.path / "checkpoint" / phase / "progress.json", (epoch, epoch))
    assert dispatcher.where_resume_starts(run) == "Resume continues after epoch 12."


def test_a_folder_that_a_full_disk_left_half_made_can_be_used_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recipe: Callable[..., Recipe]
) -> None:
    def full(self: Path, *_: Any, **__: Any) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            RunFolder.create(Job(recipe(), "compare", {"budgets": [1], "seeds": 1}), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
