"""A clock that somebody sets, forth and back, breaks neither the queue's order nor a day's count nor the clean-up."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import clock, paths, trash
from engines.contract import Job, State
from engines.hosting import usage
from engines.jobs import cleanup
from engines.jobs.contract import JobBackend
from engines.jobs.limits import Places
from engines.jobs.local.queue_db import Asked, Store
from engines.runs import RunFolder, new_id

ME = (os.getpid(), 0.0)
YEAR = 365 * 24 * 3600.0
JUMPS = st.sampled_from([0.0, 1.0, -1.0, 3600.0, -3600.0, YEAR, -YEAR])
Set = Callable[[float], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    """set_clock(seconds): from now on the clock that can be set is so much ahead of the real one."""
    real = time.time

    def ahead(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    monkeypatch.setattr(clock, "_jumped", None)
    monkeypatch.setattr(clock, "_ahead", real() - time.monotonic())
    yield ahead
    monkeypatch.undo()
    clock._ahead, clock._jumped = real() - time.monotonic(), None


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "take"]), JUMPS), min_size=1, max_size=24),
    st.integers(min_value=1, max_value=2),
)
@settings(max_examples=40, deadline=None)
def test_a_first_run_waits_for_one_of_each_other_owner_at_most_whatever_the_clock_says(
    story: list[tuple[str, float]], slots: int
) -> None:
    """And each owner's own go in the order in which they came."""
    now = 1_800_000_000.0
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now)
        store = Store(Path(folder) / "queue.sqlite3")
        for number, (what, jump) in enumerate(story):
            now += jump
            if what != "take":
                store.add(f"{what}{number:02}", 99, asked=Asked(owner=what))
            elif row := store.claim(Places(0, slots), ME) or next(iter(store.running()), None):
                store.move(row.id, State.RUNNING, State.DONE)
        waiting = store.queued()
        for owner in {row.asked.owner for row in waiting}:
            own = [row.id for row in waiting if row.asked.owner == owner]
            assert own == sorted(own)
            before = waiting[: next(n for n, row in enumerate(waiting) if row.asked.owner == owner)]
            assert max(Counter(row.asked.owner for row in before).values(), default=0) <= 1
        for row in store.running():
            store.move(row.id, State.RUNNING, State.DONE)
        taken = []
        while claimed := store.claim(Places(0, 1), ME):
            taken.append(claimed.id)
            store.move(claimed.id, State.RUNNING, State.DONE)
        assert taken == [row.id for row in waiting]
        store.close()


@pytest.mark.parametrize("seconds", [YEAR, -YEAR])
def test_a_run_goes_on_and_ends_when_the_clock_is_set(
    seconds: float,
    set_clock: Set,
    jobs: JobBackend,
    job: Callable[..., Job],
    wait: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It had half an hour, and has had a second."""
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    asked = job(steps=1, hold_at=1)
    run = RunFolder.find(jobs.submit(Job(asked.recipe, owner="ann")))
    wait(lambda: (run.path / "checkpoint" / "step").exists(), "the first step")
    set_clock(seconds)
    time.sleep(0.5)
    assert jobs.status(run.id).state is State.RUNNING
    assert not run.cancel_requested
    (run.path / "go").touch()
    wait(lambda: jobs.status(run.id).state is State.DONE, "the end")


@pytest.mark.parametrize("seconds", [YEAR, -YEAR])
def test_cancel_and_the_time_a_run_has_are_counted_by_a_clock_that_nobody_sets(
    seconds: float,
    set_clock: Set,
    jobs: JobBackend,
    job: Callable[..., Job],
    wait: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setenv("HEADSTART_RUN_SECONDS", "2")
    monkeypatch.setenv("HEADSTART_GRACE_SECONDS", "1")
    run = RunFolder.find(jobs.submit(Job(job(trouble="deaf").recipe, owner="ann")))
    wait(lambda: any(event.kind == "note" for event in run.events()), "the run to turn deaf")
    set_clock(seconds)
    wait(lambda: jobs.status(run.id).state is State.CANCELLED, "the end of its time")


def test_a_day_is_not_given_anew_by_a_clock_that_goes_over_midnight_and_back(set_clock: Set) -> None:
    assert usage.spend("ann", "runs", 3, 3)
    for hours in (24, -24, 24, 0):
        set_clock(hours * 3600.0)
        usage.visitors_today()
    assert not usage.spend("ann", "runs", 1, 3)
    assert usage.visitors_today() == 1
    set_clock((usage.KEPT_DAYS + 1) * 24 * 3600.0)
    assert usage.spent("ann", "runs") == 0


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch, job: Callable[..., Job]) -> list[Path]:
    """An upload that no run uses, a finished run, a deleted one that may be had back, and a file in the making."""
    monkeypatch.setenv("HEADSTART_KEEP_HOURS", "1")
    upload, partial = paths.uploads() / new_id(), paths.cache() / "made.partial"
    upload.mkdir()
    (upload / "data.zip").write_bytes(b"what somebody brought")
    partial.write_bytes(b"half")
    run, gone = RunFolder.create(job()), RunFolder.create(job())
    for each in (run, gone):
        each.set_state(State.DONE)
    aside = gone.path.rename(gone.path.with_name(f"{trash.PREFIX}{gone.id}"))
    return [upload, partial, run.path, aside]


def test_nothing_is_deleted_because_the_clock_jumped(things: list[Path], set_clock: Set) -> None:
    cleanup.tidy()
    for seconds in (YEAR, -YEAR, YEAR, 0.0, YEAR):
        set_clock(seconds)
        cleanup.tidy()
        assert [thing for thing in things if not thing.exists()] == []


def test_what_has_really_lain_that_long_goes_after_a_jump_too(
    things: list[Path], set_clock: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(-YEAR)  # so that all of it is of the future
    cleanup.tidy()
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 2 * 3600)
    set_clock(-YEAR + 2 * 3600)
    cleanup.tidy()
    assert [thing for thing in things if thing.exists()] == []


def test_an_age_is_what_it_says_where_nobody_sets_the_clock(tmp_path: Path) -> None:
    clock._jumped = None
    os.utime(tmp_path, (time.time() - 5000,) * 2)
    assert math.isclose(clock.age(tmp_path), 5000, abs_tol=5)
    with pytest.raises(FileNotFoundError):
        clock.age(tmp_path / "gone")
