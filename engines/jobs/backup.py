"""A copy of HEADSTART_HOME in one file, made while runs go on, and the way back.

In it is what somebody made: runs, uploads, data sets, samples, the queue and what is known of visitors. Left out is
what is computed again (cache, what was unpacked), what belongs to processes that are alive (logs, addresses, signs of
life), and what was deleted. The file and what is restored from it can be read by their owner alone: ids are keys.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engines
from engines import paths
from engines.contract import InputError, Problem
from engines.jobs.worker import WHO
from engines.messages import _, _n
from engines.runs import RunFolder

MANIFEST = "backup.json"
FORMAT = 1
AGAIN = ("cache", "work", "launches")
"""Folders of the home that are computed again, or belong to processes."""
OF_PROCESSES = {"serving.json", "heartbeat", WHO}
SUFFIXES = (".log", ".partial", ".sqlite3-wal", ".sqlite3-shm")
PASSING = ("try-", "explain-", ".")
"""How folders begin that somebody's question made for a moment, or that were deleted."""
TRIES = 5
MOVED = ("recipe.json", "job.json", "origin.json", "dataset.json")
"""Files of runs, uploads and data sets that name a place below the home."""
ENDINGS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}
OWNER_FILE, OWNER_FOLDER = 0o600, 0o700


@dataclass(frozen=True)
class Kept:
    """What a backup holds."""

    path: str
    runs: int
    uploads: int
    datasets: int
    bytes: int
    unreadable: tuple[str, ...] = ()
    """Ids of runs that this version cannot open, each as it was in the backup."""


# --- there ----------------------------------------------------------------------------------------


def backup(out: Path) -> Kept:
    """Writes all of the home into `out`, a .tar or .tar.gz. Runs may go on meanwhile: each is copied as it was behind
    one of its events, as a kill would have left it, so that whatever it was doing can be resumed.

    Raises InputError where `out` is there already or has another ending, and where there is nothing to keep.
    """
    home = paths.home()
    mode = next((mode for ending, mode in ENDINGS.items() if out.name.endswith(ending)), None)
    if mode is None:
        raise InputError(Problem(str(out), _("this is no name for a backup"), _("accepted: .tar or .tar.gz")))
    if out.exists():
        raise InputError(Problem(str(out), _("it is there already"), _("accepted: a new file")))
    if out.absolute().is_relative_to(home):
        raise InputError(Problem(str(out), _("it lies in what is to be kept"), _("accepted: another folder")))
    if not home.is_dir():
        raise InputError(Problem(str(home), _("there is no such folder"), _("HEADSTART_HOME says where it is")))
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_FILE)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
            _add_text(archive, MANIFEST, json.dumps(_manifest(home)))
            for entry in sorted(home.iterdir()):
                _add(archive, entry, home)
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
    return Kept(str(out), *_counts(home), out.stat().st_size)


def _manifest(home: Path) -> dict[str, Any]:
    return {"format": FORMAT, "version": engines.__version__, "home": str(home), "made": round(time.time(), 3)}


def _counts(home: Path) -> tuple[int, int, int]:
    """How many runs, uploads and data sets there are."""
    found = (("runs", "recipe.json"), ("uploads", "origin.json"), ("datasets", "dataset.json"))
    runs, uploads, datasets = (len(list((home / place).glob(f"[!.]*/{file}"))) for place, file in found)
    return runs, uploads, datasets


def _add(archive: tarfile.TarFile, entry: Path, home: Path) -> None:
    """A file or folder of the home, with all that belongs into a backup."""
    name = entry.relative_to(home).as_posix()
    if name in AGAIN or not _belongs(entry):
        return
    if entry.suffix == ".sqlite3":
        _add_database(archive, entry, name)
    elif not entry.is_dir():
        _add_file(archive, entry, name)
    elif entry.parent == home / "runs":
        with _standing_still(entry) as run:
            for file in _files(run):
                _add_file(archive, file, f"{name}/{file.relative_to(run).as_posix()}")
    else:
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            for inside in sorted(entry.iterdir()):
                _add(archive, inside, home)


def _belongs(entry: Path) -> bool:
    if entry.is_symlink() or entry.name in OF_PROCESSES or entry.name.endswith(SUFFIXES):
        return False
    return not (entry.is_dir() and entry.name.startswith(PASSING))


def _files(folder: Path) -> Iterator[Path]:
    """Those below a folder that belong into a backup, by name."""
    with contextlib.suppress(FileNotFoundError):
        for entry in sorted(folder.iterdir()):
            if _belongs(entry):
                if entry.is_dir():
                    yield from _files(entry)
                else:
                    yield entry


@contextlib.contextmanager
def _standing_still(run: Path) -> Iterator[Path]:
    """The run's folder where it has ended; else a copy during whose making nothing happened in it. Where something
    always does, the last copy, as a kill in that moment would have left it."""
    try:
        over = RunFolder(run).state[0].finished
    except InputError:  # a newer version has written it
        over = True
    if over:
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="headstart-backup-") as place:
        for number in range(TRIES):
            copy = Path(place) / str(number)
            before = _events(run)
            for file in _files(run):
                target = copy / file.relative_to(run)
                target.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy2(file, target)
            if copy.is_dir():
                (copy / "events.jsonl").write_bytes(before)
            if before == _events(run) or number == TRIES - 1:
                yield copy
                return
            shutil.rmtree(copy, ignore_errors=True)


def _events(run: Path) -> bytes:
    """Every whole line of what happened in a run."""
    try:
        text = (run / "events.jsonl").read_bytes()
    except FileNotFoundError:
        return b""
    return text[: text.rfind(b"\n") + 1]


def _add_database(archive: tarfile.TarFile, file: Path, name: str) -> None:
    """As it is between two transactions, by SQLite itself. Of the queue no process is kept: who restores it elsewhere
    has others by the same numbers."""
    with tempfile.TemporaryDirectory(prefix="headstart-backup-") as place:
        copy = Path(place) / file.name
        with contextlib.closing(sqlite3.connect(file)) as there, contextlib.closing(sqlite3.connect(copy)) as here:
            there.backup(here)
            if file.name == "queue.sqlite3":
                here.execute("UPDATE runs SET pid = NULL, pid_created = NULL, owner_pid = NULL, owner_created = NULL")
                here.commit()
            here.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
        _add_file(archive, copy, name)


def _add_file(archive: tarfile.TarFile, file: Path, name: str) -> None:
    """As the file is when it is opened: ours are replaced, never rewritten. Nothing where it has gone meanwhile."""
    with contextlib.suppress(FileNotFoundError), file.open("rb") as content:
        told = archive.gettarinfo(arcname=name, fileobj=content)
        told.uid = told.gid = 0
        told.uname = told.gname = ""
        archive.addfile(told, content)


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    told = tarfile.TarInfo(name)
    told.size, told.mtime, told.mode = len(text.encode()), int(time.time()), OWNER_FILE
    archive.addfile(told, io.BytesIO(text.encode()))


# --- and back -------------------------------------------------------------------------------------


def restore(source: Path) -> Kept:
    """Makes the home of a backup; runs that went on when it was made are interrupted and can be resumed.

    Places that recipes name below the home of then are those of now. Raises InputError where `source` is no backup, a
    newer version's, or cut short, and where the home is not empty: then nothing is changed.
    """
    home = paths.home()
    if home.is_dir() and any(home.iterdir()):
        raise InputError(Problem(str(home), _("there is something in it"), _("accepted: HEADSTART_HOME, new or empty")))
    fresh = home.with_name(f".{home.name}.{os.getpid()}.partial")
    accepted = _("accepted: a file that `backup` wrote")
    try:
        fresh.mkdir(parents=True, mode=OWNER_FOLDER)
        with tarfile.open(source) as archive:
            manifest = _told(archive, source)
            archive.extractall(fresh, filter=_owners_alone)
        (fresh / MANIFEST).unlink()
        _move(fresh, Path(manifest["home"]), home)
        home.parent.mkdir(parents=True, exist_ok=True)
        if home.is_dir():
            home.rmdir()
        fresh.rename(home)
    except FileNotFoundError:
        raise InputError(Problem(str(source), _("there is no such file"), accepted)) from None
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the disk's word, not the file's
            raise
        raise InputError(Problem(str(source), _("it is no backup, or cut short"), accepted)) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Kept(str(home), *_counts(home), source.stat().st_size, tuple(_unreadable(home)))


def _told(archive: tarfile.TarFile, source: Path) -> dict[str, Any]:
    """What the backup says of itself."""
    first = archive.next()
    content = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
    try:
        told: dict[str, Any] = json.loads(content.read()) if content else {}
        known = int(told.get("format", 0))
    except (ValueError, AttributeError, TypeError):
        told, known = {}, 0
    if not known or not isinstance(told.get("home"), str):
        raise InputError(
            Problem(str(source), _("it is no backup of Headstart"), _("accepted: a file that `backup` wrote"))
        )
    if known > FORMAT:
        version = told.get("version", "?")
        found = _("a newer Headstart ({version}) has written it", version=version)
        raise InputError(Problem(str(source), found, _("accepted: that version, or a newer one")))
    return told


def _owners_alone(member: tarfile.TarInfo, place: str) -> tarfile.TarInfo | None:
    """tarfile's filter for data, by which nothing lands outside; and of the rights only the owner's."""
    safe = tarfile.data_filter(member, place)
    if not (safe.isfile() or safe.isdir()):
        return None
    return safe.replace(mode=OWNER_FOLDER if safe.isdir() else OWNER_FILE, deep=False)


def _move(folder: Path, old: Path, new: Path) -> None:
    """Names `new` where files that say where data lie name `old`; the rights of folders, which tar makes by the way."""
    for place, _folders, files in os.walk(folder):
        Path(place).chmod(OWNER_FOLDER)
        for name in files:
            if name in MOVED:
                _rewrite(Path(place) / name, str(old), str(new))


def _rewrite(file: Path, old: str, new: str) -> None:
    with contextlib.suppress(ValueError):  # it was broken before
        told = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(_moved(told, old, new), ensure_ascii=False), encoding="utf-8")


def _moved(told: Any, old: str, new: str) -> Any:
    match told:
        case str() if told == old or told.startswith(f"{old}/"):
            return new + told[len(old) :]
        case dict():
            return {key: _moved(value, old, new) for key, value in told.items()}
        case list():
            return [_moved(value, old, new) for value in told]
    return told


def _unreadable(home: Path) -> Iterator[str]:
    """Runs that cannot be opened here, with an id each."""
    for recipe in sorted((home / "runs").glob("[!.]*/recipe.json")):
        run = RunFolder(recipe.parent)
        try:
            _every = (run.recipe, run.job, run.result, run.state)
        except (InputError, ValueError, KeyError, TypeError):
            yield run.id


def in_words(kept: Kept) -> str:
    """What there is, as one phrase."""
    runs, uploads = _n("1 run", "{n:,} runs", kept.runs), _n("1 upload", "{n:,} uploads", kept.uploads)
    datasets = _n("1 data set", "{n:,} data sets", kept.datasets)
    return _("{runs}, {uploads}, {datasets}", runs=runs, uploads=uploads, datasets=datasets)
