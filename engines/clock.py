"""How old a file is, on a machine whose clock may be set while we run.

Nothing is taken for old because the clock jumped: after a jump no age is more than the time since, by the clock that
nobody sets. So what is deleted by age has really lain that long.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

JUMP_SECONDS = 60.0
"""By so much the clock may drift between two looks; more, and somebody has set it, or the machine has slept."""

_ahead = time.time() - time.monotonic()
"""How far the clock that can be set was ahead of the other one, when we last looked."""
_jumped: float | None = None
"""When it was set last, by the other one."""


def age(path: Path) -> float:
    """Seconds since a file or folder was changed, 0 or more. One that is younger than the clock says it can be is taken
    to be of now. Raises FileNotFoundError."""
    changed, now, steady = path.stat().st_mtime, time.time(), time.monotonic()
    since = _steady_for(now, steady)
    if changed > now + JUMP_SECONDS:
        os.utime(path, (now, now))
    return min(max(now - changed, 0.0), since)


def _steady_for(now: float, steady: float) -> float:
    """Seconds since the clock was set; infinite where it never was."""
    global _ahead, _jumped
    if abs(now - steady - _ahead) > JUMP_SECONDS:
        _jumped = steady
    _ahead = now - steady
    return float("inf") if _jumped is None else steady - _jumped
