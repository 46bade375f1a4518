"""What goes with a run that is deleted for good, and what killed processes left behind."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from engines import clock, paths, shown_ids, trash
from engines.contract import InputError
from engines.datasets.folder import DatasetFolder
from engines.jobs import limits
from engines.runs import CACHED, RunFolder

LEFT_OVER_SECONDS = 3600.0
"""A file in the making that nobody has written to for so long belongs to a process that was killed."""


def remove(run: Path) -> None:
    """Deletes a run folder for good, and with it what only that run used: its uploads, what was unpacked of them, what
    was computed of them in the cache, and what was kept of the run that it went on from. Never anything outside
    `paths.home()` and the cache."""
    brought, cached, starts = _brought(run), _cached(run), _starts(run)
    shown_ids.withdraw(run.name.removeprefix(trash.PREFIX))
    shutil.rmtree(run, ignore_errors=True)
    others = _others(run)
    for data in brought - {data for other in others for data in _brought(other)}:
        _remove_upload(paths.uploads() / data.relative_to(paths.uploads()).parts[0])
    for start in starts - {start for other in others for start in _starts(other)}:
        shutil.rmtree(start, ignore_errors=True)
    for name in cached - {name for other in others for name in _cached(other)}:
        for file in (f"{name}.npy", f"heard-{name}.json"):  # what a recogniser wrote down is somebody's words
            (paths.cache() / file).unlink(missing_ok=True)


def tidy() -> None:
    """All of it that is due, with HEADSTART_KEEP_HOURS as the age. Raises InputError where that is no number."""
    purge()
    DatasetFolder.purge()
    sweep()
    if hours := limits.keep_hours():
        remove_older(hours)


def purge() -> None:
    """Removes for good the runs that can no longer be had back."""
    for gone in trash.due(paths.runs()):
        remove(gone)


def sweep() -> None:
    """Removes what killed processes left half made, an hour after they were last seen at it."""
    for place in (paths.cache(), paths.home() / "work", paths.samples(), paths.uploads(), paths.runs()):
        for left in _partial(place):
            if _age(left) > LEFT_OVER_SECONDS:
                _remove(left)


def remove_older(hours: float) -> None:
    """Removes for good what nobody has touched for so long: runs that ended, data sets, uploads that no run uses."""
    for run in runs():
        if _ended(run) and _age(run) > hours * 3600:
            remove(run)
    for made in paths.datasets().glob("*/dataset.json"):
        if _age(made.parent) > hours * 3600:
            DatasetFolder(made.parent).delete()
    used = {data for run in runs() for data in _brought(run)}
    for upload in filter(Path.is_dir, paths.uploads().iterdir()):
        if not any(data.is_relative_to(upload) for data in used) and _age(upload) > hours * 3600:
            _remove_upload(upload)
    begun = {start for run in runs() for start in _starts(run)}
    for start in paths.starts().iterdir():
        if start not in begun and _age(start) > hours * 3600:
            shutil.rmtree(start, ignore_errors=True)


def remove_brought_by(owner: str) -> None:
    """Removes everything that a visitor brought or made here, whether a run uses it or not."""
    for made in DatasetFolder.owned(owner):
        made.delete()
    for file in paths.datasets().glob(f"{trash.PREFIX}*/dataset.json"):  # those that could be had back for a while
        if DatasetFolder(file.parent).about.owner == owner:
            shutil.rmtree(file.parent, ignore_errors=True)
    for upload in filter(Path.is_dir, paths.uploads().iterdir()):
        with contextlib.suppress(OSError, ValueError):
            if json.loads((upload / "origin.json").read_text(encoding="utf-8")).get("owner") == owner:
                _remove_upload(upload)


def _remove_upload(upload: Path) -> None:
    """With what was unpacked of it."""
    for data in filter(Path.is_file, upload.iterdir()):
        shutil.rmtree(paths.work(data), ignore_errors=True)
    shutil.rmtree(upload, ignore_errors=True)


def runs() -> list[Path]:
    """The folder of every run, those included that were deleted and may be had back."""
    return [recipe.parent for recipe in paths.runs().glob("*/recipe.json")]


def _others(run: Path) -> list[Path]:
    return [other for other in runs() if other != run]


def _brought(run: Path) -> set[Path]:
    """The uploads that a run learnt from or was tested on, as its recipe names them."""
    return _named(run, ("data", "test", "target"), paths.uploads())


def _starts(run: Path) -> set[Path]:
    """What is kept of the finished run that a run went on from, if it did."""
    return _named(run, ("start",), paths.starts())


def _named(run: Path, keys: Iterable[str], below: Path) -> set[Path]:
    """The paths below that folder which a run's recipe has under these keys."""
    try:
        recipe = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
        named = [Path(recipe[key]) for key in keys if isinstance(recipe.get(key), str)]
    except (OSError, ValueError, AttributeError):
        return set()
    return {path for path in named if path.is_relative_to(below) and path != below}


def _cached(run: Path) -> set[str]:
    with contextlib.suppress(OSError):
        lines = (run / CACHED).read_text(encoding="utf-8").split()
        return {name for name in lines if name.isalnum()}  # a name of ours, never a path
    return set()


def _ended(run: Path) -> bool:
    try:
        return RunFolder(run).state[0].finished
    except InputError:  # a newer Headstart has written it
        return False


def _partial(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from place.glob("*.partial")
        yield from place.glob("*/*.partial")
        yield from place.glob("*/.*.partial")


def _age(path: Path) -> float:
    """Seconds since anything directly in it changed; 0 of what is gone."""
    try:
        inside: Iterable[Path] = path.iterdir() if path.is_dir() else ()
        return min(clock.age(found) for found in (path, *inside))
    except FileNotFoundError:
        return 0.0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
