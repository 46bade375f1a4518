"""A sample of the faults: `benchmarks/chaos.py` tries them all."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest

from engines import paths
from engines.contract import InputError
from engines.jobs import worker
from engines.jobs.local.backend import LocalBackend
from engines.runs import RunFolder, new_id
from tests.chaos import faults
from tests.pages import compared_run, finished_run


@pytest.mark.parametrize("verb", ["fit", "compare"])
def test_a_disk_that_is_full_at_any_write_loses_no_run(verb: str) -> None:
    met, n = True, 0
    while met:
        n += 1 if verb == "fit" else 5  # of a comparison every fifth here
        met, wrong = faults.full_at(n, verb)
        assert wrong == [], f"full from write {n} on"
    assert n > 20


def test_a_queue_whose_database_cannot_grow_says_so_and_keeps_no_half_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MAX_QUEUED", "9999")

    def submit_until_full(jobs: LocalBackend) -> None:
        for _ in range(500):
            jobs.submit(faults.job())

    with faults.idle_queue() as jobs:
        jobs._store._database.execute("PRAGMA max_page_count = 1")
        with pytest.raises(InputError, match="queue: the disk is full; free some space"):
            submit_until_full(jobs)
        assert len(list(paths.runs().iterdir())) == jobs.load().waiting
        jobs._store._database.execute("PRAGMA max_page_count = 100000")
        assert jobs.status(jobs.submit(faults.job())).position


def test_a_database_cut_at_any_byte_is_made_again_from_the_folders() -> None:
    runs = faults.queued_runs()
    for share in faults.shares(Random(0), 12):
        assert faults.database_cut(share, runs) == [], f"cut at {share:.3f}"


def test_a_database_whose_pages_were_overwritten_is_made_again() -> None:
    runs = faults.queued_runs()
    file = paths.home() / "queue.sqlite3"
    content = bytearray(file.read_bytes())
    content[5000:9000] = bytes(4000)
    file.write_bytes(content)
    assert faults.database_cut(1.0, runs) == []


def test_what_is_known_of_visitors_may_be_cut_and_nobody_is_let_in_with_half_a_key() -> None:
    for share in faults.shares(Random(1), 8):
        assert faults.visitors_cut(share) == [], f"cut at {share:.3f}"


def test_a_run_folder_cut_at_any_byte_is_read_or_refused_in_a_sentence() -> None:
    finished = finished_run.write(paths.runs() / new_id())
    compared = compared_run.write(paths.runs() / new_id(), found=compared_run.answer())
    counted = RunFolder.create(faults.job("compare"), paths.runs() / new_id())
    assert worker.execute(counted) == worker.DONE
    rng = Random(2)
    for run in (finished, compared, counted):
        for name in sorted(file.name for file in run.path.iterdir() if file.suffix in faults.CUT):
            for share in faults.shares(rng, 4):
                assert faults.run_cut(run, name, share) == [], f"{name} cut at {share:.3f}"


def test_whole_is_whole(tmp_path: Path) -> None:
    """The tests above cut what they say they cut."""
    file = tmp_path / "a.sqlite3"
    sqlite3.connect(file).execute("CREATE TABLE a (b)").connection.close()
    size = file.stat().st_size
    faults._cut(file, 0.5)
    assert file.stat().st_size == size // 2


@pytest.mark.parametrize("by", [-86400.0, 86400.0])
def test_a_clock_that_is_set_neither_stops_a_run_nor_gives_it_a_second_worker(by: float) -> None:
    assert faults.clock_set(by) == []
