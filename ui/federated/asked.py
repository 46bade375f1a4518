"""What pages that show every kind of run ask of a trial on several sites."""

from __future__ import annotations

from engines.runs import RunFolder


def is_one(run: RunFolder) -> bool:
    """Whether a run is such a trial."""
    return run.job.verb == "federate"


def in_short(run: RunFolder) -> str:
    """What it came to, for a list; empty while it goes on."""
    found = run.federation if is_one(run) else None
    return str(found["said"][0]).partition(".")[0] if found else ""
