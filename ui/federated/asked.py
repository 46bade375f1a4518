"""Whether a run is a trial on several sites, for pages that show every kind of run."""

from __future__ import annotations

from engines.runs import RunFolder


def is_one(run: RunFolder) -> bool:
    """Whether a run is such a trial."""
    return run.job.verb == "federate"
