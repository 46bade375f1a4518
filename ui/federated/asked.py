"""What pages that show every kind of run ask of a trial on several sites."""

from __future__ import annotations

from engines.runs import RunFolder


def in_short(run: RunFolder) -> str:
    """What it came to, for a list; empty while it goes on."""
    found = run.federation
    return str(found["said"][0]).partition(".")[0] if found else ""
