"""Make a folder out of an archive once, find it again the next time, and walk through it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from engines import messages
from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem, Skipped
from engines.data.archive import MOST_DEEP, is_clutter
from engines.messages import _


def prepared(source: Path, work: Path, fill: Callable[[Path], list[Skipped]]) -> tuple[Path, list[Skipped]]:
    """The folder below `work` that `fill` made of the file `source`, now or before, and what `fill` left out.

    The folder appears whole or not at all, also when two processes want it at once. A file that was replaced since
    (another size or time of change) is another file.
    """
    return made(_state([source]), work, fill)


def prepared_folder(source: Path, work: Path, fill: Callable[[Path], list[Skipped]]) -> tuple[Path, list[Skipped]]:
    """The same of a folder: it is another one as soon as a file in it is. Raises InputError as `walk` does."""
    return made(_state(files_below(source)), work, fill)


def made(key: str, work: Path, fill: Callable[[Path], list[Skipped]]) -> tuple[Path, list[Skipped]]:
    """The folder `key` below `work` that `fill` filled, now or before, and what it left out: see `prepared`."""
    record = ".skipped.json"  # hidden: no archive can bring one, no listing shows it

    def recorded(partial: Path) -> None:
        partial.mkdir(parents=True)
        skipped = messages.kept({"skipped": [asdict(entry) for entry in fill(partial)]})
        (partial / record).write_text(json.dumps(skipped), encoding="utf-8")

    folder = whole(work / key, recorded)
    found = json.loads((folder / record).read_text(encoding="utf-8"))
    entries = found if isinstance(found, list) else messages.read(found)["skipped"]  # a list: before version 0.3
    return folder, [Skipped(**entry) for entry in entries]


def whole(folder: Path, fill: Callable[[Path], object]) -> Path:
    """The folder that `fill` makes where there is none yet. It appears whole or not at all, also when two processes
    want it at once."""
    if folder.exists():
        return folder
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        fill(partial)
        partial.replace(folder)
    except OSError:
        if not folder.exists():  # else another process was first
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _state(files: list[Path]) -> str:
    """Another one where a file has another size or time of change."""
    told = hashlib.sha256()
    for file in files:
        status = file.stat()
        told.update(f"{file.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    return told.hexdigest()[:16]


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder below `root`, itself first, with the names of the files in it that a person put there, sorted; what
    is in a folder before what is in the next. Linked folders are followed, each once.

    Raises InputError where folders lie more than MOST_DEEP deep inside one another.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [(root, 0)]
    while waiting:
        cancellation_point()
        folder, depth = waiting.pop()
        if depth > MOST_DEEP:
            found = _("its folders lie more than {most_deep} deep inside one another", most_deep=MOST_DEEP)
            raise InputError(Problem(root.name, found, _("move the files up")))
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        folders, names = _inside(folder)
        yield folder, names
        waiting += [(folder / name, depth + 1) for name in reversed(folders)]


def files_below(root: Path) -> list[Path]:
    """Every file below `root` that a person put there, sorted by path. Raises InputError as `walk` does."""
    return sorted(folder / name for folder, names in walk(root) for name in names)


def _inside(folder: Path) -> tuple[list[str], list[str]]:
    """The folders and the files of a folder; nothing where it may not be read."""
    folders: list[str] = []
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_clutter(entry.name):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.is_file():
                names.append(entry.name)
    return sorted(folders), sorted(names)
