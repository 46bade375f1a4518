"""A backup of HEADSTART_HOME: whole, its owner's alone, made while something happens; and what comes back of it."""

from __future__ import annotations

import json
import sqlite3
import stat
import tarfile
import threading
import time
from pathlib import Path

import pytest

from engines import paths
from engines.contract import InputError, Job, State
from engines.datasets.folder import DatasetFolder
from engines.hosting import usage, visitors
from engines.jobs import backup, heartbeat
from engines.jobs.backends import backend
from engines.jobs.worker import WHO
from engines.runs import RunFolder, new_id
from tests.pages import finished_run
from tests.test_cli import call


def home_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / name))
    return tmp_path / name


@pytest.fixture
def lived_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a finished run on an upload, one that was at work, a data set, a visitor, and what does not count."""
    home = home_of(tmp_path, monkeypatch, "first")
    upload = paths.uploads() / new_id()
    upload.mkdir()
    (upload / "data.csv").write_text("text,label\ngood,a\n")
    (upload / "origin.json").write_text(json.dumps({"title": "data.csv", "path": str(upload / "data.csv")}))
    finished = finished_run.write(paths.runs() / new_id())
    recipe = json.loads((finished.path / "recipe.json").read_text())
    finished.write("recipe.json", json.dumps({**recipe, "data": str(upload / "data.csv")}))
    working = RunFolder.create(Job(finished.recipe, owner="somebody"))
    working.set_state(State.RUNNING)
    working.write("checkpoint/transfer/progress.json", json.dumps({"epoch": 3}))
    working.write(WHO, json.dumps({"pid": 1, "created": 0.0, "host": "elsewhere"}))
    heartbeat.beat(working)
    DatasetFolder.create("texts", "Mine", owner="somebody")
    usage.spend("somebody", "runs", 2, 0)
    gone = paths.runs() / f".deleted-{new_id()}"
    gone.mkdir()
    (gone / "recipe.json").write_text("{}")
    (home / "serving.json").write_text("{}")
    (home / "queue.log").write_text("a traceback")
    (paths.cache() / "features.npy").write_bytes(b"x" * 1000)
    (paths.uploads() / "try-something").mkdir()
    (paths.uploads() / "try-something" / "0.jpg").write_bytes(b"x")
    return home


def names(file: Path) -> list[str]:
    with tarfile.open(file) as archive:
        return archive.getnames()


def test_a_restored_home_opens_every_run(lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = visitors.new_cookie()
    kept = backup.backup(tmp_path / "kept.tar.gz")
    assert (kept.runs, kept.uploads, kept.datasets) == (2, 1, 1)
    home = home_of(tmp_path, monkeypatch, "second")
    found = backup.restore(tmp_path / "kept.tar.gz")
    assert (found.runs, found.uploads, found.datasets, found.unreadable) == (2, 1, 1, ())
    for before in (lived_in / "runs").glob("[!.]*"):
        then, now = RunFolder(before), RunFolder.find(before.name)
        assert now.path.is_relative_to(home)
        assert (now.state, now.result, now.events()) == (then.state, then.result, then.events())
        assert Path(now.recipe.data).read_text() == "text,label\ngood,a\n"  # it names the place of now
        assert str(lived_in) not in (now.path / "recipe.json").read_text()
    assert usage.spent("somebody", "runs") == 2
    assert visitors.visitor_of(cookie)


def test_what_was_at_work_is_interrupted_there_and_can_be_resumed(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = next(RunFolder(run) for run in (lived_in / "runs").glob("[!.]*") if (run / WHO).exists())
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "0")
    backup.backup(tmp_path / "kept.tar")
    home_of(tmp_path, monkeypatch, "second")
    backup.restore(tmp_path / "kept.tar")
    jobs = backend()
    try:
        deadline = time.monotonic() + 60
        while not (status := jobs.status(working.id)).state.finished:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert status.state is State.INTERRUPTED
        assert status.may_resume
    finally:
        jobs.close()


def test_it_and_what_comes_of_it_are_their_owners_alone(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found in lived_in.rglob("*"):
        found.chmod(0o755 if found.is_dir() else 0o644)
    backup.backup(tmp_path / "kept.tar")
    assert stat.S_IMODE((tmp_path / "kept.tar").stat().st_mode) == 0o600
    home = home_of(tmp_path, monkeypatch, "second")
    backup.restore(tmp_path / "kept.tar")
    rights = {stat.S_IMODE(found.stat().st_mode) for found in (home, *home.rglob("*"))}
    assert rights == {0o600, 0o700}


@pytest.mark.usefixtures("lived_in")
def test_what_was_deleted_or_belongs_to_a_process_is_left_out(tmp_path: Path) -> None:
    backup.backup(tmp_path / "kept.tar")
    found = names(tmp_path / "kept.tar")
    assert found[0] == "backup.json"
    for part in (".deleted-", "serving.json", ".log", "cache/", "try-", WHO, "heartbeat"):
        assert not [name for name in found if part in name], part
    assert [name for name in found if name.endswith("visitors.sqlite3")]


def test_a_run_goes_on_while_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event comes all the time, and half a line stands at the end: what is kept are whole events."""
    home_of(tmp_path, monkeypatch, "first")
    run = RunFolder.create(finished_run.write(paths.runs() / new_id()).recipe)
    run.set_state(State.RUNNING)
    over = threading.Event()

    def at_work() -> None:
        number = 0
        while not over.is_set():
            number += 1
            run.emit("epoch", epoch=number)
            run.write("checkpoint/progress.json", json.dumps({"epoch": number}))

    worker = threading.Thread(target=at_work)
    worker.start()
    try:
        while len(run.events()) < 5:
            time.sleep(0.01)
        backup.backup(tmp_path / "kept.tar")
    finally:
        over.set()
        worker.join()
    home_of(tmp_path, monkeypatch, "second")
    backup.restore(tmp_path / "kept.tar")
    kept = RunFolder.find(run.id)
    events = kept.events()
    assert len(events) >= 5
    assert (kept.path / "events.jsonl").read_bytes().count(b"\n") == len(events)
    assert [event.number for event in events] == list(range(len(events)))
    epoch = json.loads((kept.path / "checkpoint" / "progress.json").read_text())["epoch"]
    assert epoch >= events[-1].data["epoch"] - 1


def test_a_database_is_copied_between_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_of(tmp_path, monkeypatch, "first")
    usage.spend("a", "runs", 1, 0)
    open_one = sqlite3.connect(home / "visitors.sqlite3", isolation_level=None)
    open_one.execute("PRAGMA journal_mode = WAL")
    open_one.execute("BEGIN")
    open_one.execute("UPDATE used SET amount = 99")
    try:
        backup.backup(tmp_path / "kept.tar")
    finally:
        open_one.close()
    home_of(tmp_path, monkeypatch, "second")
    backup.restore(tmp_path / "kept.tar")
    assert usage.spent("a", "runs") == 1


def test_nothing_is_overwritten_and_what_is_no_backup_is_a_sentence(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.tar.gz"
    backup.backup(kept)
    for out, why in ((kept, "there already"), (tmp_path / "kept.zip", "no name"), (lived_in / "x.tar", "lies in")):
        with pytest.raises(InputError, match=why):
            backup.backup(out)
    with pytest.raises(InputError, match="something in it"):
        backup.restore(kept)
    home = home_of(tmp_path, monkeypatch, "second")
    whole = kept.read_bytes()
    newer = tmp_path / "newer.tar"
    with tarfile.open(newer, "w") as archive:
        backup._add_text(archive, "backup.json", json.dumps({"format": 9, "home": "/x", "version": "9.0"}))
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as archive:
        backup._add_text(archive, "readme", "no backup")
    for file, content, why in (
        (tmp_path / "cut.tar.gz", whole[: len(whole) // 2], "cut short"),
        (tmp_path / "noise.tar", b"x" * 5000, "cut short"),
        (newer, newer.read_bytes(), r"newer Headstart \(9\.0\)"),
        (other, other.read_bytes(), "no backup of Headstart"),
    ):
        file.write_bytes(content)
        with pytest.raises(InputError, match=why):
            backup.restore(file)
    with pytest.raises(InputError, match="no such file"):
        backup.restore(tmp_path / "nowhere.tar")
    assert not home.exists()
    assert not list(tmp_path.glob(".*.partial"))


def test_nothing_lands_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_of(tmp_path, monkeypatch, "second")
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        backup._add_text(archive, "backup.json", json.dumps({"format": 1, "home": "/x"}))
        backup._add_text(archive, "../outside", "x")
    with pytest.raises(InputError):
        backup.restore(tmp_path / "evil.tar")
    assert not (tmp_path / "outside").exists()


@pytest.mark.usefixtures("lived_in")
def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("backup", tmp_path / "kept.tar", "--json")
    assert (done.status, done.json["runs"]) == (0, 2)
    assert call("backup", tmp_path / "kept.tar").status == 2
    home = home_of(tmp_path, monkeypatch, "second")
    done = call("restore", tmp_path / "kept.tar")
    assert done.status == 0
    assert done.out == f"2 runs, 1 upload, 1 data set in {home}\n"
