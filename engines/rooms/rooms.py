"""Opening a room, finding it, and what whoever teaches says of it: pause, longer, a sample for everybody."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from engines.contract import InputError, Problem
from engines.messages import _
from engines.rooms import codes, database

HOURS = 3.0
MOST_HOURS = 24 * 7
LONGEST_NAME = 60


@dataclass(frozen=True)
class Room:
    """A room as it is now."""

    code: str
    name: str
    """What whoever teaches calls it; shown to everybody in it."""
    seed: int
    """What is drawn in the room is drawn with it."""
    address: str
    """Where browsers of the room reach this host, 'https://192.168.1.7:8501'; empty where nobody has said."""
    until: float
    """Seconds since the epoch. Afterwards nobody joins and nothing is started; what there is stays until the end."""
    paused: bool
    """Runs of the room are taken and wait; none begins."""
    ending: bool
    """It is being deleted."""

    @property
    def over(self) -> bool:
        return self.ending or time.time() > self.until


@dataclass(frozen=True)
class Broadcast:
    """What whoever teaches offers everybody: data, and perhaps what to do with them. One click takes it."""

    task: str
    sample: str
    """A sample of that task; empty: whatever data one has."""
    model: str = ""
    strategy: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    """A line from whoever teaches."""
    number: int = 0
    """Later ones are higher."""


def open_room(name: str = "", hours: float = HOURS, token: str = "", address: str = "") -> tuple[Room, str]:
    """A new room and the token that runs it: `token`, or a new one. Of a token only a digest is kept.

    Raises InputError for hours beyond 0 to MOST_HOURS.
    """
    until = _until(time.time(), hours)
    token = token or codes.new_token()
    with database.writing() as table:
        code = codes.new_code()
        while table.execute("SELECT 1 FROM rooms WHERE code = ?", (code,)).fetchone():
            code = codes.new_code()
        table.execute(
            "INSERT INTO rooms (code, name, seed, key, address, opened, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (code, clean(name), secrets.randbelow(1 << 31), secrets.token_hex(16), address, time.time(), until),
        )
        table.execute("INSERT INTO tokens VALUES (?, ?)", (code, codes.hashed(token)))
    return find(code), token


def find(said: str) -> Room:
    """The room of that code, as somebody typed it. Raises InputError where there is none."""
    code = codes.read(said)
    with database.reading() as table:
        row = table and code and table.execute("SELECT * FROM rooms WHERE code = ?", (code,)).fetchone()
    if not row:
        accepted = _("accepted: the five letters that whoever teaches shows")
        raise InputError(Problem("room", _("there is no room with this code"), accepted))
    return read(row)


def every() -> list[Room]:
    """The rooms of this host, the last one opened first."""
    with database.reading() as table:
        return [read(row) for row in table.execute("SELECT * FROM rooms ORDER BY opened DESC")] if table else []


def read(row: sqlite3.Row) -> Room:
    return Room(
        row["code"], row["name"], row["seed"], row["address"], row["until"], bool(row["paused"]), bool(row["ending"])
    )


def clean(name: str) -> str:
    """A name that somebody typed, as one line of what can be printed."""
    return " ".join("".join(letter for letter in name if letter.isprintable()).split())[:LONGEST_NAME]


# --- who teaches ------------------------------------------------------------------------------------


def add_token(code: str, token: str) -> None:
    """A further token that runs the room: those from before go on."""
    with database.writing() as table:
        table.execute("INSERT OR IGNORE INTO tokens VALUES (?, ?)", (code, codes.hashed(token)))


def let_teach(code: str, visitor: str, token: str) -> bool:
    """Whether that is a token of the room; then this browser runs it from now on, until it ends."""
    with database.writing() as table:
        kept = [row["hashed"] for row in table.execute("SELECT hashed FROM tokens WHERE room = ?", (code,))]
        known = [codes.same(token, digest) for digest in kept]
        if any(known):
            table.execute("INSERT OR IGNORE INTO instructors VALUES (?, ?)", (code, visitor))
        return any(known)


def taught_by(visitor: str) -> list[Room]:
    """The rooms that this browser runs, the last one opened first."""
    with database.reading() as table:
        if table is None or not visitor:
            return []
        asked = """SELECT rooms.* FROM rooms JOIN instructors ON code = room WHERE visitor = ? AND NOT ending
                   ORDER BY opened DESC"""
        return [read(row) for row in table.execute(asked, (visitor,))]


# --- what they say of it ------------------------------------------------------------------------------


def pause(code: str, paused: bool) -> None:
    """Its runs wait from now on, or go on."""
    with database.writing() as table:
        table.execute("UPDATE rooms SET paused = ? WHERE code = ?", (int(paused), code))


def reached_at(code: str, address: str) -> None:
    """Browsers of the room reach this host there from now on."""
    with database.writing() as table:
        table.execute("UPDATE rooms SET address = ? WHERE code = ?", (address, code))


def extend(code: str, hours: float) -> None:
    """So much longer: from when it would have been over, or from now where it is. Raises InputError as `open_room`."""
    now = time.time()
    with database.writing() as table:
        until = _until(max(now, find(code).until), hours, now)
        table.execute("UPDATE rooms SET until = ? WHERE code = ?", (until, code))


def _until(start: float, hours: float, now: float | None = None) -> float:
    until = start + 3600 * hours
    if not 0 < hours <= MOST_HOURS or until > (now or start) + 3600 * MOST_HOURS:
        accepted = _("accepted: more than 0, and {most} in all at most", most=MOST_HOURS)
        raise InputError(Problem(_("hours"), _("found {hours:g}", hours=hours), accepted))
    return until


def broadcast(code: str, what: Broadcast) -> None:
    """Offers it to everybody in the room, in place of what was offered before."""
    with database.writing() as table:
        told = json.dumps(asdict(what))
        table.execute("INSERT INTO broadcasts (room, made, what) VALUES (?, ?, ?)", (code, time.time(), told))


def offered(code: str) -> Broadcast | None:
    """The last that was offered; None where nothing was."""
    with database.reading() as table:
        asked = "SELECT number, what FROM broadcasts WHERE room = ? ORDER BY number DESC LIMIT 1"
        row = table and table.execute(asked, (code,)).fetchone()
    return Broadcast(**{**json.loads(row["what"]), "number": row["number"]}) if row else None
