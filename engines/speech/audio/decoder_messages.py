"""Keep away from people what C libraries write to the standard error: of a damaged MP3, libmpg123 tells every frame."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_depth = 0
_kept: contextlib.ExitStack | None = None


@contextlib.contextmanager
def dropped() -> Iterator[None]:
    """Meanwhile, what any thread writes to file descriptor 2 goes nowhere, and what Python writes to `sys.stderr` still
    arrives. May be entered by several threads at once."""
    global _depth, _kept
    with _lock:
        if _depth == 0:
            _kept = _away()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _kept is not None:
                _kept.close()
                _kept = None


def _away() -> contextlib.ExitStack:
    """Sends descriptor 2 to nowhere until the stack is closed. Without a standard error there is nothing to do."""
    undo = contextlib.ExitStack()
    try:
        before = os.dup(2)
    except OSError:
        return undo
    undo.callback(os.close, before)
    if _writes_there():
        stream = os.fdopen(os.dup(before), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        undo.enter_context(stream)
        undo.enter_context(contextlib.redirect_stderr(stream))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    undo.callback(os.dup2, before, 2)
    return undo


def _writes_there() -> bool:
    """Whether `sys.stderr` is descriptor 2, and not what a test or a notebook put in its place."""
    try:
        return sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False
