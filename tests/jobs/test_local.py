"""What only the local queue has: its database, its spare workers, its graphics cards."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines import places
from engines.contract import InputError, Recipe, State
from engines.jobs import dispatcher, gpus
from engines.jobs.backend import backend
from engines.jobs.local import LocalBackend
from engines.jobs.store import Store
from engines.jobs.worker import worker_of
from engines.runs import RunFolder

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
    claims = [store.claim(2, DEAD) for _ in range(3)]
    assert [(row.id, row.slot) if row else None for row in claims] == [("a", 0), ("b", 1), None]
    assert store.move("a", State.RUNNING, State.DONE)
    assert not store.move("a", State.RUNNING, State.FAILED)
    row = store.claim(2, DEAD)
    assert row
    assert (row.id, row.slot, row.owner_pid) == ("c", 0, 1)
    assert store.claim(2, DEAD) is None


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
    store.claim(1, DEAD)
    assert store.add("a", 9, lambda: said.append("queued"))
    assert [row.id for row in store.running()] == ["a"]
    assert said == ["queued"]


def test_a_file_of_a_newer_headstart_still_works(tmp_path: Path) -> None:
    Store(tmp_path / "queue.sqlite3").close()
    newer = sqlite3.connect(tmp_path / "queue.sqlite3")
    newer.execute("ALTER TABLE runs ADD COLUMN priority INTEGER DEFAULT 5")
    newer.execute("PRAGMA user_version = 7")
    newer.close()
    store = Store(tmp_path / "queue.sqlite3")
    assert store.add("a", 9)
    assert store.claim(1, DEAD)
    store.close()


# --- the database can be rebuilt --------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["lost", "broken"])
def test_without_its_database_the_queue_finds_its_runs(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait, damage: str
) -> None:
    first = opened()
    running, waiting = first.submit(recipe(steps=2, hold_at=1)), first.submit(recipe(steps=1))
    wait(lambda: (RunFolder.find(running).path / "checkpoint" / "step").exists(), "the first step")
    first.close()
    for file in places.home().glob("queue.sqlite3*"):
        file.unlink()
    if damage == "broken":
        (places.home() / "queue.sqlite3").write_bytes(b"no database at all" * 100)
    second = opened()
    assert [second.status(run_id).state for run_id in (running, waiting)] == [State.RUNNING, State.QUEUED]
    (RunFolder.find(running).path / "go").touch()
    wait(done(second, running), "the adopted run")
    wait(done(second, waiting), "the waiting run")
    assert len(list(places.home().glob("queue.sqlite3.broken-*"))) == (damage == "broken")


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


# --- what a server may find -------------------------------------------------------------------------


def test_a_run_that_a_dead_app_took_but_never_started_goes_on(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "UNCONFIRMED_SECONDS", 0.0)
    run = RunFolder.create(recipe(steps=1))
    store = Store(places.home() / "queue.sqlite3")
    store.add(run.id, 9, lambda: run.set_state(State.QUEUED))
    assert store.claim(1, DEAD)
    store.close()
    jobs = opened()
    wait(done(jobs, run.id), "the run")
    assert [event.data["state"] for event in run.events() if event.kind == "status"] == ["queued", "running", "done"]


def test_a_silent_worker_is_left_alone_and_told_about(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait
) -> None:
    jobs = opened()
    run = RunFolder.find(jobs.submit(recipe(steps=1, hold_at=1)))
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
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "1")
    jobs = opened()
    jobs.warm_up()
    spares = jobs._dispatcher._spares
    (spare,) = wait(lambda: list(spares), "a spare worker")
    run_id = jobs.submit(recipe(steps=1, hold_at=1))
    run = RunFolder.find(run_id)
    wait(lambda: (run.path / "checkpoint" / "step").exists(), "the first step")
    assert f'"pid": {spare.pid}' in (run.path / "worker.json").read_text()
    (run.path / "go").touch()
    wait(done(jobs, run_id), "the run")


def test_a_dead_spare_worker_is_passed_over(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "1")
    jobs = opened()
    jobs.warm_up()
    (spare,) = wait(lambda: list(jobs._dispatcher._spares), "a spare worker")
    spare.kill()
    spare.wait()
    run_id = jobs.submit(recipe(steps=1))
    wait(done(jobs, run_id), "the run")


def test_each_run_has_a_card_of_its_own(
    opened: Callable[[], LocalBackend], recipe: Recipes, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "names", lambda: ("GPU-a", "GPU-b"))
    jobs = opened()
    runs = [RunFolder.find(jobs.submit(recipe(steps=1, hold_at=1))) for _ in range(3)]
    for run in runs[:2]:
        wait(lambda run=run: (run.path / "checkpoint" / "step").exists(), "the first step")
    assert jobs.status(runs[2].id).position == 1
    for run in runs:
        (run.path / "go").touch()
    for run in runs:
        wait(done(jobs, run.id), "the run")
    cards = [(run.path / "worker.log").read_text().split()[1] for run in runs]
    assert cards[:2] == ["GPU-a", "GPU-b"]
    assert cards[2] in cards[:2]


@pytest.mark.parametrize(("chosen", "names"), [("", ()), ("-1", ()), ("2", ("2",)), ("GPU-a, 1", ("GPU-a", "1"))])
def test_cards_that_somebody_chose(monkeypatch: pytest.MonkeyPatch, chosen: str, names: tuple[str, ...]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert gpus.names.__wrapped__() == names


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("HEADSTART_MAX_RUNNING", "0", "1 or more"),
        ("HEADSTART_MAX_QUEUED", "many", "0 or more"),
        ("HEADSTART_SPARE_WORKERS", "-1", "0 or more"),
        ("HEADSTART_GRACE_SECONDS", "1.5", "0 or more"),
    ],
)
def test_a_limit_that_is_no_number_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        LocalBackend()
    assert str(caught.value) == f"environment variable {name}: found {value!r}; accepted: {accepted}."


def test_the_queue_of_this_installation_is_opened_once() -> None:
    jobs = backend()
    assert isinstance(jobs, LocalBackend)
    assert backend() is jobs
    jobs.close()
