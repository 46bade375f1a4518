"""A room's board: what those who like show each other, and in which order.

An entry says how well a model does on what the room has kept aside (`asides`), with its interval. Entries are ordered
by the worse end of the interval, so that luck on few examples lifts nobody. Each time a model is asked counts as a try:
who asks often can pick what fits these examples by chance, and the board says how often.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from engines.contract import Estimate
from engines.rooms import database, members
from engines.rooms.asides import Aside
from engines.rooms.members import Member


@dataclass(frozen=True)
class Entry:
    """What somebody shows of one sample."""

    member: Member
    run: str
    """The id of the run, which is its owner's key: for no other page than its owner's."""
    asked: str
    """The id of the run that asks its model; '' where none does."""
    tries: int
    score: Estimate | None
    """None until the model was asked."""


@dataclass(frozen=True)
class Place:
    """An entry where it stands."""

    rank: int
    """From 1; those whose intervals end alike and whose values are alike share one."""
    entry: Entry
    score: Estimate
    apart: bool
    """Whether its interval and the leader's do not overlap. False of the leader."""


def show(member: Member, aside: Aside, run: str, score: Estimate | None = None) -> None:
    """Shows that run, in place of what the member showed of this sample; `score` where it is known already."""
    told = (score.value, score.low, score.high, score.n) if score else (None,) * 4
    with database.writing() as table:
        table.execute(
            """INSERT INTO board (room, owner, task, sample, tries, run, value, low, high, n)
               VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?)
               ON CONFLICT (owner, task, sample) DO UPDATE SET
               tries = tries + 1, run = excluded.run, asked = '', value = excluded.value, low = excluded.low,
               high = excluded.high, n = excluded.n""",
            (member.room, member.owner, aside.task, aside.sample, run, *told),
        )


def asks(member: Member, aside: Aside, asked: str) -> None:
    """The run of that id asks the model that the member shows."""
    with database.writing() as table:
        table.execute(
            "UPDATE board SET asked = ? WHERE owner = ? AND task = ? AND sample = ?", (asked, *_of(member, aside))
        )


def scored(owner: str, task: str, run: str, score: Estimate) -> None:
    """What came of asking the model of that run; nothing where it is not shown any more."""
    with database.writing() as table:
        table.execute(
            "UPDATE board SET value = ?, low = ?, high = ?, n = ? WHERE owner = ? AND task = ? AND run = ?",
            (score.value, score.low, score.high, score.n, owner, task, run),
        )


def take_back(member: Member, aside: Aside) -> None:
    """Nothing is shown of the member any more; of what was, only the number of tries is kept."""
    with database.writing() as table:
        table.execute(
            """UPDATE board SET run = '', asked = '', value = NULL, low = NULL, high = NULL, n = NULL
               WHERE owner = ? AND task = ? AND sample = ?""",
            _of(member, aside),
        )


def entries(code: str, task: str, sample: str) -> list[Entry]:
    """What is shown of a sample by those who are in the room, in the order in which they came."""
    here = {member.owner: member for member in members.here(code)}
    with database.reading() as table:
        asked = "SELECT * FROM board WHERE room = ? AND task = ? AND sample = ? AND run != ''"
        rows = list(table.execute(asked, (code, task, sample))) if table else []
    found = [_read(row, here[row["owner"]]) for row in rows if row["owner"] in here]
    return sorted(found, key=lambda entry: entry.member.number)


def of_member(member: Member, aside: Aside) -> Entry | None:
    """What a member shows of a sample."""
    found = entries(member.room, aside.task, aside.sample)
    return next((entry for entry in found if entry.member.owner == member.owner), None)


def ranked(shown: Sequence[Entry], *, higher_is_better: bool) -> list[Place]:
    """Those that have a score, the best first."""
    sign = 1 if higher_is_better else -1

    def worst(score: Estimate) -> tuple[float, float]:
        return sign * (score.low if higher_is_better else score.high), sign * score.value

    known = [(entry.score, entry) for entry in shown if entry.score]
    known.sort(key=lambda one: worst(one[0]), reverse=True)
    places: list[Place] = []
    for number, (score, entry) in enumerate(known, 1):
        same = places and worst(places[-1].score) == worst(score)
        leader = known[0][0]
        apart = score.high < leader.low if higher_is_better else score.low > leader.high
        places.append(Place(places[-1].rank if same else number, entry, score, apart))
    return places


def _of(member: Member, aside: Aside) -> tuple[str, str, str]:
    return member.owner, aside.task, aside.sample


def _read(row: sqlite3.Row, member: Member) -> Entry:
    score = None if row["value"] is None else Estimate(row["value"], row["low"], row["high"], row["n"])
    return Entry(member, row["run"], row["asked"], row["tries"], score)
