"""Uploads that were refused of late: which visitor's, and why, so that the page they stand on can say it.

A browser is told only that its request failed; the sentence in the answer is shown by nobody.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Literal

Why = Literal["page", "day", "rate"]
"""The page holds as much as it may, the visitor has brought as much as a day may have, or asked too often."""
KEPT_SECONDS = 120.0
MOST_KEPT = 20_000
_lock = threading.Lock()
_last: OrderedDict[str, tuple[float, Why, int]] = OrderedDict()


def remember(visitor: str, why: Why, held: int = 0) -> None:
    """`held`: bytes that the page holds without the refused file."""
    with _lock:
        _last.pop(visitor, None)
        _last[visitor] = (time.monotonic(), why, held)
        if len(_last) > MOST_KEPT:
            _last.popitem(last=False)


def last(visitor: str) -> tuple[Why, int] | None:
    """Why the visitor's newest upload was refused, and what their page held; None where none was in KEPT_SECONDS."""
    with _lock:
        then, why, held = _last.get(visitor, (-KEPT_SECONDS, "rate", 0))
    return (why, held) if time.monotonic() - then < KEPT_SECONDS else None
