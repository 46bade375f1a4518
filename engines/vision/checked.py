"""Decode every picture once, with several threads, and remember the outcome for the next time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from engines.contract import Progress
from engines.vision.images import UnreadableImage, read

SMALL = 64
"""JPEGs are decoded at a fraction of their size here: every byte is still read."""

MOST_THREADS = 8
"""Each may hold one picture of `images.MAX_PIXELS`, about half a gigabyte."""


@dataclass(frozen=True)
class Checked:
    """Whether a picture can be read."""

    sha256: str
    """Of the file's bytes; empty when the file could not be opened."""
    reason: str | None
    """Why it can't be read; None when it can."""


def check_all(paths: Sequence[Path], memory: Path, progress: Progress | None = None) -> list[Checked]:
    """Each path's outcome, in order. Pictures are decoded one a thread and forgotten, so memory does not grow.

    `memory` is a JSON file of what was found before; a file whose size or time of change differs is read again.
    """
    known = _remembered(memory)
    now: dict[str, list[object]] = {}
    outcomes = []
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS))
    try:
        for done, (key, stamp, checked) in enumerate(pool.map(lambda path: _check(path, known), paths), 1):
            outcomes.append(checked)
            now[key] = [*stamp, checked.sha256, checked.reason]
            if progress:
                progress(done, len(paths))
    finally:  # when `progress` asked to stop: what was read so far is still worth remembering
        pool.shutdown(cancel_futures=True)
        if now.keys() - known.keys() or any(known[key] != entry for key, entry in now.items()):
            _remember(memory, {**known, **now})
    return outcomes


def _check(path: Path, known: dict[str, list[object]]) -> tuple[str, tuple[int, int], Checked]:
    key = str(path.absolute())
    try:
        status = path.stat()
        stamp = (status.st_size, status.st_mtime_ns)
        if key in known and tuple(known[key][:2]) == stamp:
            sha256, reason = known[key][2:]
            return key, stamp, Checked(str(sha256), None if reason is None else str(reason))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return key, (-1, -1), Checked("", f"cannot be opened ({error.strerror})")
    try:
        read(path, at_least=SMALL)
    except UnreadableImage as error:
        return key, stamp, Checked(digest, str(error))
    return key, stamp, Checked(digest, None)


def _remembered(memory: Path) -> dict[str, list[object]]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(memory: Path, known: dict[str, list[object]]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f".{memory.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(known), encoding="utf-8")
    partial.replace(memory)
