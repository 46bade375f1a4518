"""Whether a visitor may start one more run on a public host."""

from __future__ import annotations

from engines.contract import InputError, Job, Problem
from engines.hosting import limits, operation, usage, visitors
from engines.messages import _


def admit(job: Job, unfinished: int) -> None:
    """Counts the run as one of its owner's today. Raises InputError, in one sentence, where that is one too many, or
    where nobody knows whose it is. `unfinished`: runs of the owner that wait or train."""
    if not limits.public():
        return
    if not job.owner:
        raise _refusal(visitors.unknown())
    at_once = limits.visitor_runs_at_once()
    if at_once and unfinished >= at_once:
        found = _("{unfinished} of your runs wait or train already", unfinished=unfinished)
        raise _refusal(Problem("runs", found, _("cancel one, or try again when one has finished")))
    if not usage.spend(job.owner, "runs", 1, limits.visitor_runs()):
        found = _(
            "you have started {visitor_runs} today, as many as a visitor may here", visitor_runs=limits.visitor_runs()
        )
        raise _refusal(Problem("runs", found, _("come back tomorrow, or run Headstart on a machine of your own")))


def _refusal(problem: Problem) -> InputError:
    operation.count("runs")
    return InputError(problem)


def require_few(examples: int, unit: str) -> None:
    """Raises InputError where a run on a public host would learn from more examples than it may."""
    most = limits.run_examples()
    if most and examples > most:
        found = _("there are {examples:,} {unit} to learn from", examples=examples, unit=unit)
        raise InputError(
            Problem("data", found, _("up to {most:,} on this host; on a machine of your own, all", most=most))
        )
