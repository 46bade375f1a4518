"""Who is in a room. In it a visitor is somebody else: what they bring and make there has an owner of its own.

That owner is a digest with the room's key in it, so everything made inside the room, and nothing else of its people,
can be found and deleted when the room ends.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import time
from dataclasses import dataclass

from engines.contract import InputError, Problem
from engines.messages import _
from engines.rooms import database, rooms
from engines.rooms.rooms import Room

MOST_MEMBERS = 300
AWAY_SECONDS = 60.0
"""Whose page has not been heard of for so long has closed it, or the phone sleeps."""


@dataclass(frozen=True)
class Member:
    """Somebody in a room, as whoever teaches sees them: where they are, nothing of what they do there."""

    owner: str
    """Whose runs and uploads theirs are in the queue and on the disk."""
    room: str
    number: int
    """In the order in which they came, from 1."""
    name: str
    """As they like to be called; empty where they would rather not say."""
    seen: float
    """Seconds since the epoch."""
    page: str
    """The page's name in the address; '' is home."""
    step: str
    """One of the five, where the page has them."""
    stuck: float | None
    """Since when they would like help."""
    had: int
    """The number of the last broadcast that they took or put away."""

    @property
    def away(self) -> bool:
        return time.time() - self.seen > AWAY_SECONDS


def join(said: str, visitor: str, name: str = "") -> Member:
    """This browser comes into the room of that code, and leaves any other; coming again changes its name alone.

    Raises InputError for a code of no room, one that is over or full, and for a visitor that nobody knows ('').
    """
    room = rooms.find(said)
    if not visitor:
        raise InputError(
            Problem("visitor", _("this browser keeps no cookie"), _("allow it one, and load the page again"))
        )
    if room.over:
        accepted = _("whoever teaches can keep it open for longer")
        raise InputError(Problem("room", _("this room is over"), accepted))
    with database.writing() as table:
        (key,) = table.execute("SELECT key FROM rooms WHERE code = ?", (room.code,)).fetchone()
        owner = hmac.new(bytes.fromhex(key), visitor.encode(), hashlib.sha256).hexdigest()[:24]
        table.execute("UPDATE members SET visitor = '' WHERE visitor = ? AND owner != ?", (visitor, owner))
        (last,) = table.execute("SELECT COALESCE(MAX(number), 0) FROM members WHERE room = ?", (room.code,)).fetchone()
        known = table.execute("SELECT 1 FROM members WHERE owner = ?", (owner,)).fetchone()
        if not known and last >= MOST_MEMBERS:
            raise InputError(Problem("room", _("{most} are in it already", most=last), _("accepted: no more")))
        now = time.time()
        table.execute(
            """INSERT INTO members (owner, room, number, visitor, name, joined, seen) VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (owner) DO UPDATE SET
               visitor = excluded.visitor, name = excluded.name, seen = excluded.seen""",
            (owner, room.code, last + 1, visitor, rooms.clean(name), now, now),
        )
        return _read(table.execute("SELECT * FROM members WHERE owner = ?", (owner,)).fetchone())


def of_visitor(visitor: str) -> tuple[Room, Member] | None:
    """The room that this browser is in, and as whom; None where in none."""
    with database.reading() as table:
        if table is None or not visitor:
            return None
        row = table.execute("SELECT * FROM members WHERE visitor = ?", (visitor,)).fetchone()
        room = row and table.execute("SELECT * FROM rooms WHERE code = ?", (row["room"],)).fetchone()
        return (rooms.read(room), _read(row)) if room else None


def everybody(code: str) -> list[Member]:
    """Who ever came into the room, in the order in which they came; those who left too: what they made is there."""
    with database.reading() as table:
        rows = table.execute("SELECT * FROM members WHERE room = ? ORDER BY number", (code,)) if table else []
        return [_read(row) for row in rows]


def here(code: str) -> list[Member]:
    """Those of `everybody` who have not left."""
    with database.reading() as table:
        asked = "SELECT * FROM members WHERE room = ? AND visitor != '' ORDER BY number"
        return [_read(row) for row in table.execute(asked, (code,))] if table else []


def leave(member: Member) -> None:
    """This browser is nobody's of the room any more. What was made there stays there, until the room ends."""
    _set(member, "visitor = '', stuck = NULL")


def at(member: Member, page: str, step: str) -> None:
    """They have come to that page and step."""
    _set(member, "page = ?, step = ?, seen = ?", page, step, time.time())


def seen(member: Member) -> None:
    """Their page is open."""
    _set(member, "seen = ?", time.time())


def stuck(member: Member, needs_help: bool) -> None:
    """They would like help, or need it no more. Asking twice does not move them back."""
    _set(member, "stuck = CASE WHEN ? THEN COALESCE(stuck, ?) END", int(needs_help), time.time())


def have(member: Member, number: int) -> None:
    """They took the broadcast of that number, or put it away."""
    _set(member, "had = ?", number)


def _set(member: Member, change: str, *values: object) -> None:
    with database.writing() as table:
        table.execute(f"UPDATE members SET {change} WHERE owner = ?", (*values, member.owner))


def _read(row: sqlite3.Row) -> Member:
    return Member(*(row[name] for name in ("owner", "room", "number", "name", "seen", "page", "step", "stuck", "had")))
