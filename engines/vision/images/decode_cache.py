"""Decode every picture once, with several threads, and remember the outcome for the next time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engines.contract import Progress
from engines.data import check_cache
from engines.vision.images import foreign
from engines.vision.images.reading import UnreadableImage, facts

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
    pages: int = 1
    brightest: float | None = None
    """As `reading.Facts`."""


def check_all(paths: Sequence[Path], memory: Path, progress: Progress | None = None) -> list[Checked]:
    """Each path's outcome, in order. Pictures are decoded one a thread and forgotten, so memory does not grow.

    `memory` is a JSON file of what was found before; a file whose size or time of change differs is read again.
    """
    checks = check_cache.Checks(
        look=_look,
        unopened=lambda reason: Checked("", reason),
        entry=lambda found: [found.sha256, found.reason, found.pages, found.brightest],
        recall=lambda kept: Checked(*kept) if len(kept) == 4 else None,  # older versions kept less
        most_threads=MOST_THREADS,
    )
    return check_cache.check_all(paths, checks, check_cache.read(memory), partial(check_cache.write, memory), progress)


def _look(path: Path, digest: str) -> Checked:
    try:
        found = facts(path, at_least=SMALL)
    except UnreadableImage as error:
        return Checked(digest, foreign.reason(path, error))
    return Checked(digest, None, found.pages, found.brightest)
