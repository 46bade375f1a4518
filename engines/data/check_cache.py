"""Look at every file once, with several threads, and remember what was found for the next time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from engines.cancellation import cancellation_point
from engines.contract import Progress
from engines.messages import _

Found = TypeVar("Found")
Known = dict[str, list[Any]]
"""By absolute path: size, time of change, and what `Checks.entry` makes of what was found."""


@dataclass(frozen=True)
class Checks(Generic[Found]):
    """How a domain looks at its files."""

    look: Callable[[Path, str], Found]
    """Of a file and its SHA-256."""
    unopened: Callable[[str], Found]
    """Of a file that cannot be opened, and why."""
    entry: Callable[[Found], list[Any]]
    """What is remembered, as JSON has it."""
    recall: Callable[[list[Any]], Found | None]
    """The inverse; None where that is not enough any more."""
    most_threads: int


def check_all(
    paths: Sequence[Path], checks: Checks[Found], known: Known, save: Callable[[Known], None], progress: Progress | None
) -> list[Found]:
    """Each path's outcome, in order. A file whose size or time of change is not as in `known` is looked at again; all
    that is known now is saved where it differs, also where `progress` asked to stop."""

    def check(path: Path) -> tuple[str, tuple[int, int], Found]:
        key = str(path.absolute())
        try:
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            if key in known and tuple(known[key][:2]) == stamp and (found := checks.recall(known[key][2:])) is not None:
                return key, stamp, found
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return key, (-1, -1), checks.unopened(_("cannot be opened ({strerror})", strerror=error.strerror))
        return key, stamp, checks.look(path, digest)

    now: Known = {}
    outcomes = []
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, checks.most_threads))
    asked = copy_context()  # who may stop it, also in the middle of a file
    try:
        checked = pool.map(lambda path: asked.copy().run(check, path), paths)
        for done, (key, stamp, found) in enumerate(checked, 1):
            cancellation_point()
            outcomes.append(found)
            now[key] = [*stamp, *checks.entry(found)]
            if progress:
                progress(done, len(paths))
    finally:
        pool.shutdown(cancel_futures=True)
        if any(known.get(key) != entry for key, entry in now.items()):
            save({**known, **now})
    return outcomes


def read(memory: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none."""
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(memory: Path, found: dict[str, Any]) -> None:
    """Whole or not at all."""
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f".{memory.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(found), encoding="utf-8")
    partial.replace(memory)
