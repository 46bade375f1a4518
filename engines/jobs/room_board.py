"""A finished model, asked about what its room has kept aside: queued, scored in the worker, taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engines.contract import Estimate, InputError, Job, Problem, Task
from engines.jobs import backends
from engines.jobs.contract import JobBackend
from engines.messages import _
from engines.rooms import board, queueing, rooms
from engines.rooms.asides import Aside, learnt_from
from engines.rooms.members import Member
from engines.runs import RunFolder

KEY = "key.json"


def show(jobs: JobBackend, member: Member, run: RunFolder) -> None:
    """Shows a run on the board of the member's room: asks its model about what was kept aside, or, where nothing is,
    tells what its own test came to. What the member showed before makes way.

    Raises InputError where `why_not` says something, the run has no result, and as `JobBackend.submit` does.
    """
    run.require_owner()
    aside, result = _aside(member, run), run.result
    if aside is None or result is None or why_not(member, run):
        raise InputError(Problem("run", why_not(member, run), _("accepted: a finished run on the room's sample")))
    _forget_answers(jobs, board.of_member(member, aside))
    if aside.ask is None:
        board.show(member, aside, run.id, Estimate(result.value, result.low, result.high, result.n_test))
        return
    board.show(member, aside, run.id)
    own = run.recipe.without_data()
    recipe = replace(own.again(own.settings), data=str(aside.ask), title="", test=None, target=None)
    key = aside.ask.parent.parent / KEY
    try:
        job = Job(recipe, "predict", {"run": run.id, queueing.BOARD: str(key)}, owner=member.owner)
        board.asks(member, aside, jobs.submit(job))
    except BaseException:
        board.take_back(member, aside)
        raise


def why_not(member: Member, run: RunFolder) -> str:
    """Why that run is nothing for the board, as a phrase; '' where it is."""
    if run.job.owner != member.owner:
        return _("it was not made in the room")
    if run.recipe.target or run.recipe.test:
        return _("it learnt from or was tested on further data, which may hold what the room keeps aside")
    if _aside(member, run) is None:
        return _("it did not learn from a sample as the room has it")
    return "" if run.result else _("it has no model yet")


def score(task: Task, job: Job, run: RunFolder) -> None:
    """In the worker, once the answers are there. Raises InputError."""
    import pyarrow.parquet as pq

    from engines.reporting import answers

    known = pq.read_table(run.path / answers.TABLE)
    rows = known.select([name for name in ("file", "label") if name in known.column_names]).to_pylist()
    estimate = task.score_held_out(rows, Path(job.arguments[queueing.BOARD]))
    board.scored(job.owner, task.info.name, str(job.arguments["run"]), estimate)


def take_back(jobs: JobBackend, member: Member, aside: Aside) -> None:
    """What the member shows of that sample is shown no more, and its answers are deleted. Raises InputError where these
    are just being made and won't stop."""
    shown = board.of_member(member, aside)
    board.take_back(member, aside)
    _forget_answers(jobs, shown)


def _forget_answers(jobs: JobBackend, shown: board.Entry | None) -> None:
    if shown and shown.asked:
        try:
            RunFolder.find(shown.asked)
        except InputError:
            return  # somebody was faster
        backends.delete(jobs, shown.asked)


def _aside(member: Member, run: RunFolder) -> Aside | None:
    return learnt_from(rooms.find(member.room), run.recipe.task, run.recipe.data)
