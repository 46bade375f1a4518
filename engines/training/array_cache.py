"""Arrays on disk that are computed once and shared between runs, the oldest thrown out when space runs short."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from engines import paths
from engines.contract import InputError, Problem
from engines.messages import _


def limit_bytes() -> int:
    """HEADSTART_CACHE_GB, 10 by default. Raises InputError when it is no number."""
    text = os.environ.get("HEADSTART_CACHE_GB", "10")
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise InputError(
            Problem("HEADSTART_CACHE_GB", _("found {text!r}", text=text), _("accepted: a number of gigabytes"))
        ) from None


@contextlib.contextmanager
def noted_in(listing: Path) -> Iterator[None]:
    """Meanwhile, which arrays are used here is written down in that file, a name a line: who deletes a run for good
    deletes what was computed of its data. One file at a time in a process."""
    global _listing
    _listing = listing
    try:
        yield
    finally:
        _listing = None


_listing: Path | None = None


def note(name: str) -> None:
    """Writes down, where `noted_in` said, that what is cached under this name is used here."""
    if _listing is None:
        return
    with contextlib.suppress(OSError):  # the run was deleted, or the disk is full: others will say so
        known = _listing.read_text(encoding="utf-8").split() if _listing.exists() else []
        if name not in known:
            with _listing.open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")


def key(*parts: object) -> str:
    """A file name that changes when any part does."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:40]


def find(name: str) -> np.ndarray | None:
    """The memory-mapped array called `name`; None where there is none, or a damaged one."""
    path = paths.cache() / f"{name}.npy"
    if not path.exists():
        return None
    try:
        found = _opened(path)
        os.utime(path)
    except (ValueError, OSError):
        return None
    note(name)
    return found


def array(
    name: str, shape: tuple[int, ...], dtype: np.dtype, fill: Callable[[np.ndarray], None]
) -> tuple[np.ndarray, bool]:
    """The memory-mapped array called `name`, and whether it was there already.

    When it is not, `fill` writes into a fresh one, which takes its name only when complete: a killed worker or
    two workers at once never leave half an array behind.
    """
    path = paths.cache() / f"{name}.npy"
    found = find(name)
    if found is not None and found.shape == shape and found.dtype == dtype:
        return found, True
    evict(limit_bytes() - int(np.prod(shape)) * dtype.itemsize)
    handle, partial = tempfile.mkstemp(dir=paths.cache(), suffix=".partial")
    os.close(handle)
    try:
        fresh = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
        try:
            claim(Path(partial))
        except OSError:  # the disk is fuller than our limit allows for: older arrays make way
            evict(0)
            claim(Path(partial))
        fill(fresh)
        fresh.flush()
        del fresh  # Windows renames no open file
        Path(partial).replace(path)
        note(name)
    finally:
        Path(partial).unlink(missing_ok=True)
    return _opened(path), False


def claim(path: Path) -> None:
    """Takes the blocks of a sparse file from the disk now. Raises OSError when it has not that many.

    A full disk met through a memory map would kill the process without a word.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    elif shutil.disk_usage(path.parent).free < path.stat().st_size:
        raise OSError(errno.ENOSPC, "No space left on device")


def let_go(mapped: np.ndarray) -> None:
    """Gives back the memory that pages of a mapped array take which were read or written; they are in the file.

    Without it a large array would count as memory of the process, page by page, until the system ran short. What was
    changed in an array of `find` or `array` is undone.
    """
    file = getattr(mapped, "_mmap", None)
    if file is not None and hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED)


def _opened(path: Path) -> np.ndarray:
    """The array in `path`, mapped so that changes stay in memory. Never reads a pickle."""
    return np.lib.format.open_memmap(path, mode="c")


def evict(keep_bytes: int) -> None:
    """Deletes least recently used arrays and prepared models until at most `keep_bytes` remain."""
    files = sorted(
        _kept(path for path in paths.cache().iterdir() if path.suffix in {".npy", ".onnx"}),
        key=lambda entry: entry[1],
        reverse=True,
    )
    total = 0
    for path, _unused, size in files:
        total += size
        if total > keep_bytes:
            path.unlink(missing_ok=True)


def _kept(paths: Iterable[Path]) -> Iterable[tuple[Path, float, int]]:
    for path in paths:
        try:
            stat = path.stat()
        except FileNotFoundError:  # another worker threw it out
            continue
        yield path, stat.st_mtime, stat.st_size
