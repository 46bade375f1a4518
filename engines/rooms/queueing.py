"""What a room asks of the queue: everybody's first model before any comparison, and nothing while it is paused."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import InputError, Job, Problem, Strategy
from engines.messages import _
from engines.rooms import database, rooms

FIRST, FURTHER, COMPARISON = 2, 1, 0
"""Priorities: somebody's first model, a further one or one that is asked for the board, and whatever compares."""
BOARD = "board"
"""In `Job.arguments` of asking a model for the board: where the key lies to what it is asked about."""
LATER, NEXT = "later", "next"
"""`Job.arguments['comparison']` of a fit: its comparison is to wait in the queue; it does, with the model done."""


def of_room(job: Job, has_begun: bool) -> Job:
    """The job as the queue shall have it, where its owner is in a room; else as it is. `has_begun`: something of theirs
    has been queued there before. Raises InputError where the room is over."""
    room = _room_of(job.owner)
    if room is None:
        return job
    if room.over:
        raise InputError(Problem("room", _("this room is over"), _("whoever teaches can keep it open for longer")))
    if asks_for_board(job):
        return replace(job, priority=FURTHER)
    if job.verb != "fit":
        return replace(job, priority=COMPARISON)
    waits = {"comparison": LATER} if job.recipe.settings.get("baseline", "none") != "none" else {}
    return replace(job, priority=FURTHER if has_begun else FIRST, arguments={**job.arguments, **waits})


def held() -> frozenset[str]:
    """The owners whose runs wait, because their room is paused or is being deleted."""
    with database.reading() as table:
        if table is None:
            return frozenset()
        asked = "SELECT owner FROM members JOIN rooms ON code = room WHERE paused OR ending"
        return frozenset(row["owner"] for row in table.execute(asked))


def deferred(job: Job) -> Job:
    """A fit whose model is done, with its comparison to be queued."""
    return replace(job, priority=COMPARISON, arguments={**job.arguments, "comparison": NEXT})


def resumed(job: Job) -> Job:
    """The job of `deferred` once its comparison waits in the queue."""
    return replace(job, arguments={name: value for name, value in job.arguments.items() if name != "comparison"})


def asks_for_board(job: Job) -> bool:
    """Whether a finished model is asked about what its room has kept aside."""
    return job.verb == "predict" and bool(job.arguments.get(BOARD))


def several_in_one_process(job: Job) -> bool:
    """Whether the worker of that job goes on to the next one without starting anew: a head alone, or a model that only
    answers, leaves nothing behind that the next could stumble over, and starting takes longer than either."""
    learns_a_head = job.verb == "fit" and job.recipe.strategy is Strategy.FEATURES
    return job.priority > COMPARISON and (learns_a_head or asks_for_board(job))


def _room_of(owner: str) -> rooms.Room | None:
    with database.reading() as table:
        if table is None or not owner:
            return None
        asked = "SELECT rooms.* FROM rooms JOIN members ON code = room WHERE owner = ?"
        row = table.execute(asked, (owner,)).fetchone()
        return rooms.read(row) if row else None
