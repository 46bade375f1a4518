"""A worker's sign of life: a number in its run folder that is another one every second.

Who looks from the same machine may go by the file's time (`RunFolder.seconds_since_heartbeat`). From another machine
only a change that one sees oneself counts: clocks may be hours apart, and a shared folder may tell old times of files.
"""

from __future__ import annotations

import itertools
import os
import secrets
import time
from pathlib import Path

from engines.runs import RunFolder

_beats = itertools.count(secrets.randbelow(10**9))
"""Where another worker of the run stopped, this one does not begin."""


def beat(run: RunFolder) -> None:
    """Gives a sign of life. Raises OSError, as where the folder is gone."""
    place = os.open(_file(run), os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.write(place, b"%016d" % next(_beats))  # over the last one: a full disk has room for it
    finally:
        os.close(place)


class Watch:
    """Sees heartbeats change, by a clock here that nobody sets. Safe to ask from one thread at a time."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[bytes, float]] = {}

    def silence(self, run: RunFolder) -> float:
        """Seconds since the run's heartbeat was seen to change; 0 at the first look, infinite where there is none."""
        try:
            now = _file(run).read_bytes()
        except OSError:
            return float("inf")
        last, when = self._seen.get(run.path, (b"", 0.0))
        if now != last:
            when = time.monotonic()
            self._seen[run.path] = now, when
        return time.monotonic() - when

    def forget(self, run: RunFolder) -> None:
        self._seen.pop(run.path, None)


def _file(run: RunFolder) -> Path:
    return run.path / "heartbeat"
