"""Deleting a room with everything that was made in it."""

from __future__ import annotations

from collections.abc import Callable

from engines.jobs import backends
from engines.jobs.contract import JobBackend
from engines.rooms import ending


def end(jobs: JobBackend, code: str, progress: Callable[[int, int], object] | None = None) -> int:
    """Ends the room of that code: its people's runs, uploads and data sets, what was computed of them, the board, and
    every word of who was there. `progress` is told how many of its people are done. How many runs there were.

    Broken off, it can be said again. Raises InputError where a run won't stop.
    """
    owners, runs = ending.begin(code), 0
    for done, owner in enumerate(owners):
        if progress:
            progress(done, len(owners))
        runs += backends.delete_all_of(jobs, owner)
    ending.forget(code)
    return runs


def finish(jobs: JobBackend) -> None:
    """Ends for good the rooms whose end was broken off."""
    for code in ending.begun():
        end(jobs, code)
