"""Arrays on disk that are computed once and shared between runs, the oldest thrown out when space runs short."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from engines import places
from engines.contract import InputError, Problem


def limit_bytes() -> int:
    """HEADSTART_CACHE_GB, 10 by default. Raises InputError when it is no number."""
    text = os.environ.get("HEADSTART_CACHE_GB", "10")
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise InputError(Problem("HEADSTART_CACHE_GB", f"found {text!r}", "accepted: a number of gigabytes")) from None


def key(*parts: object) -> str:
    """A file name that changes when any part does."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:40]


def array(
    name: str, shape: tuple[int, ...], dtype: np.dtype, fill: Callable[[np.ndarray], None]
) -> tuple[np.ndarray, bool]:
    """The memory-mapped array called `name`, and whether it was there already.

    When it is not, `fill` writes into a fresh one, which takes its name only when complete: a killed worker or
    two workers at once never leave half an array behind.
    """
    path = places.cache() / f"{name}.npy"
    if path.exists():
        try:
            found = _opened(path)
            if found.shape == shape and found.dtype == dtype:
                os.utime(path)
                return found, True
        except (ValueError, OSError):  # a damaged file: computed again below
            pass
    evict(limit_bytes() - int(np.prod(shape)) * dtype.itemsize)
    handle, partial = tempfile.mkstemp(dir=places.cache(), suffix=".partial")
    os.close(handle)
    try:
        fresh = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
        fill(fresh)
        fresh.flush()
        del fresh  # Windows renames no open file
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
    return _opened(path), False


def _opened(path: Path) -> np.ndarray:
    """The array in `path`, mapped so that changes stay in memory. Never reads a pickle."""
    return np.lib.format.open_memmap(path, mode="c")


def evict(keep_bytes: int) -> None:
    """Deletes least recently used arrays until at most `keep_bytes` remain."""
    files = sorted(_kept(places.cache().glob("*.npy")), key=lambda entry: entry[1], reverse=True)
    total = 0
    for path, _, size in files:
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
