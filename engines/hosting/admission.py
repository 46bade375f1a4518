"""Whether a visitor may start one more run on a public host."""

from __future__ import annotations

from engines.contract import InputError, Job, Problem
from engines.hosting import limits, usage


def admit(job: Job, unfinished: int) -> None:
    """Counts the run as one of its owner's today. Raises InputError, in one sentence, where that is one too many, or
    where nobody knows whose it is. `unfinished`: runs of the owner that wait or train."""
    if not limits.public():
        return
    if not job.owner:
        raise InputError(Problem("visitor", "this browser keeps no cookie", "allow it one, and load the page again"))
    at_once = limits.visitor_runs_at_once()
    if at_once and unfinished >= at_once:
        found = f"{unfinished} of your runs wait or train already"
        raise InputError(Problem("runs", found, "cancel one, or try again when one has finished"))
    if not usage.spend(job.owner, "runs", 1, limits.visitor_runs()):
        found = f"you have started {limits.visitor_runs()} today, as many as a visitor may here"
        raise InputError(Problem("runs", found, "come back tomorrow, or run Headstart on a machine of your own"))


def require_few(examples: int, unit: str) -> None:
    """Raises InputError where a run on a public host would learn from more examples than it may."""
    most = limits.run_examples()
    if most and examples > most:
        found = f"there are {examples:,} {unit} to learn from"
        raise InputError(Problem("data", found, f"up to {most:,} on this host; on a machine of your own, all"))
