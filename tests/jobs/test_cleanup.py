"""What goes with a run that is deleted, and what killed processes left behind."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from engines import paths, trash
from engines.contract import InputError, Job, Recipe, State
from engines.contract.strategies import Strategy
from engines.datasets.folder import DatasetFolder
from engines.hosting import usage
from engines.jobs import backends, cleanup
from engines.runs import CACHED, RunFolder, new_id
from engines.training import array_cache

HOUR = 3600


def upload() -> Path:
    folder = paths.uploads() / new_id()
    folder.mkdir()
    (folder / "data.zip").write_bytes(b"what somebody brought")
    (paths.work(folder / "data.zip") / "unpacked").mkdir()
    return folder / "data.zip"


def run_on(data: Path, *cached: str) -> RunFolder:
    run = RunFolder.create(Recipe("vision.classification", str(data), "a", Strategy.FEATURES, 0))
    run.set_state(State.DONE)
    with array_cache.noted_in(run.path / CACHED):
        for name in cached:
            array_cache.array(name, (2,), np.dtype("float32"), lambda fresh: fresh.fill(1))
    return run


def aged(path: Path, hours: float) -> None:
    for each in (path, *path.rglob("*")):
        os.utime(each, (time.time() - hours * HOUR,) * 2)


def everything() -> set[str]:
    """Every file and folder at home that is somebody's, by its path there."""
    places = (paths.runs(), paths.uploads(), paths.home() / "work", paths.cache())
    return {str(found.relative_to(paths.home())) for place in places for found in place.rglob("*")}


def test_with_its_last_run_all_of_an_upload_goes() -> None:
    nothing = everything()
    run = run_on(upload(), "abc", "def")
    assert len(everything()) > 8
    cleanup.remove(run.path)
    assert everything() == nothing


def test_what_another_run_uses_stays() -> None:
    data = upload()
    first, second = run_on(data, "abc", "def"), run_on(data, "def")
    cleanup.remove(first.path)
    assert data.exists()
    assert (paths.work(data) / "unpacked").exists()
    assert {path.stem for path in paths.cache().glob("*.npy")} == {"def"}
    cleanup.remove(second.path)
    assert not data.exists()
    assert not list(paths.cache().glob("*.npy"))


def test_what_a_recogniser_wrote_down_goes_with_the_run() -> None:
    run = run_on(upload(), "abc")
    heard = paths.cache() / "heard-abc.json"
    heard.write_text('["my words"]', encoding="utf-8")
    cleanup.remove(run.path)
    assert not heard.exists()


def test_a_run_that_may_be_had_back_keeps_its_upload() -> None:
    data = upload()
    gone, other = run_on(data), run_on(data)
    trash.put_aside(gone.path)
    cleanup.remove(other.path)
    assert data.exists()


def test_data_that_lie_elsewhere_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(b"mine")
    run = run_on(tmp_path / "mine.zip")
    (run.path / CACHED).write_text("../../mine\n")
    (paths.cache().parent / "mine.npy").touch()
    cleanup.remove(run.path)
    assert (tmp_path / "mine.zip").exists()
    assert (paths.cache().parent / "mine.npy").exists()


def test_what_a_killed_process_left_half_made_goes_after_an_hour() -> None:
    old, young = paths.cache() / "old.partial", paths.cache() / "young.partial"
    nested = paths.home() / "work" / "key" / "half.partial"
    nested.mkdir(parents=True)
    for path in (old, young):
        path.touch()
    aged(nested, 2)
    os.utime(old, (time.time() - 2 * HOUR,) * 2)
    cleanup.sweep()
    assert (old.exists(), young.exists(), nested.exists()) == (False, True, False)


@pytest.mark.parametrize(("hours", "kept"), [("0", True), ("48", True), ("24", False)])
def test_by_age(monkeypatch: pytest.MonkeyPatch, hours: str, kept: bool) -> None:
    monkeypatch.setenv("HEADSTART_KEEP_HOURS", hours)
    run, unused = run_on(upload()), upload()
    shown = DatasetFolder.create("texts", "mine").path
    working = run_on(upload())
    working.set_state(State.RUNNING)
    for path in (run.path, unused.parent, working.path, shown):
        aged(path, 30)
    cleanup.tidy()
    assert (run.path.exists(), unused.exists(), shown.exists(), working.path.exists()) == (kept, kept, kept, True)


def test_everything_of_a_visitor_goes_and_nothing_of_anothers() -> None:
    made = {}
    for owner in ("ann", "bob"):
        data = upload()
        (data.parent / "origin.json").write_text(json.dumps({"title": "a", "path": str(data), "owner": owner}))
        recipe = Recipe("vision.classification", str(data), "a", Strategy.FEATURES, None)
        run = RunFolder.create(Job(recipe, owner=owner))
        run.set_state(State.DONE)
        usage.spend(owner, "runs", 1, 0)
        DatasetFolder.create("texts", "mine", owner)
        made[owner] = (data, run)
    assert backends.delete_all_of(backends.backend(), "ann") == 1
    assert [made[owner][0].exists() for owner in made] == [False, True]
    assert [made[owner][1].exists for owner in made] == [False, True]
    assert [usage.spent(owner, "runs") for owner in made] == [0, 1]
    assert [len(DatasetFolder.owned(owner)) for owner in made] == [0, 1]
    with pytest.raises(InputError):
        backends.delete_all_of(backends.backend(), "")
    backends.backend().close()
