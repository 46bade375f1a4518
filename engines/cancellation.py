"""Reading that can be stopped: because whoever waits for it has left, or because it takes more than it may.

What reads or unpacks calls `cancellation_point()` wherever a file could make it go on for long, next to a progress or
without one. Whoever has it done says with `watched` what is looked at there; without that the call does nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TypeVar

from engines.contract import InputError, Problem, Progress
from engines.messages import _

T = TypeVar("T")
SECONDS_BETWEEN = 0.1
_look: ContextVar[Callable[[], None] | None] = ContextVar("_look", default=None)


def cancellation_point() -> None:
    """Raises what `watched` was told to, where it is time to stop; in a thread only where it was given our context."""
    if look := _look.get():
        look()


def counted(items: Sequence[T], progress: Progress | None) -> Iterator[T]:
    """Each of `items`, where it is still wanted; `progress` hears before each how many are done, and when all are."""
    for (item,) in in_batches(items, 1, progress):
        yield item


def in_batches(items: Sequence[T], size: int, progress: Progress | None) -> Iterator[Sequence[T]]:
    """The same, `size` of them at a time."""
    for start in range(0, len(items), size):
        cancellation_point()
        if progress:
            progress(start, len(items))
        yield items[start : start + size]
    if progress and items:
        progress(len(items), len(items))


@contextlib.contextmanager
def watched(
    require_wanted: Callable[[], None], cpu_seconds: float = 0.0, worked: Callable[[], float] = time.process_time
) -> Iterator[None]:
    """What is read inside asks `require_wanted` ten times a second at most, which raises where nobody wants it any
    more; and raises InputError once `worked`, by default what this process has had of the processor in all its threads,
    is `cpu_seconds` more than it was (0: no limit)."""
    began, looked = worked(), 0.0

    def look() -> None:
        nonlocal looked
        if time.monotonic() - looked < SECONDS_BETWEEN:
            return
        looked = time.monotonic()
        require_wanted()
        if cpu_seconds and worked() - began > cpu_seconds:
            found = _(
                "looking at them takes more than {seconds:,.0f} seconds of this host's processor", seconds=cpu_seconds
            )
            raise InputError(Problem(_("your data"), found, _("bring less of them, or use a machine of your own")))

    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)
