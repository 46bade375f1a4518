"""The order of the queue, and which process has which run: one SQLite table that several apps may share.

It could be rebuilt from the run folders. Later versions only add columns, and every statement names the columns it
uses, so that an older Headstart still works on a newer file; an older file gets the new columns when it is opened.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engines import registry
from engines.contract import Job, State
from engines.jobs.limits import Places

SCHEMA = 2
BUSY_SECONDS = 10.0
"""How long a statement waits for another process to finish writing."""
ASKED = "verb, owner, priority, gpus, memory_bytes"
COLUMNS = f"id, state, created, started, pid, pid_created, slot, owner_pid, owner_created, {ASKED}"
WAITING = f"""
    SELECT {COLUMNS} FROM (
        SELECT *, rowid AS place,
            ROW_NUMBER() OVER own AS turn, FIRST_VALUE(rowid) OVER own AS came,
            COALESCE((SELECT MAX(started) FROM runs AS own WHERE own.owner = runs.owner), 0) AS served
        FROM runs WHERE state = 'queued' WINDOW own AS (PARTITION BY owner, priority ORDER BY created, rowid))
    ORDER BY priority DESC, turn, served, came, place"""
"""Who waits, the next first: the highest priority; of equals the owners take turns, who was served longest ago first;
and each owner's own in the order in which they came. So one who queues twenty runs delays
another's first by one at most (round robin: Nagle, RFC 970)."""
ADDED = {
    2: (
        "verb TEXT NOT NULL DEFAULT 'fit'",
        "owner TEXT NOT NULL DEFAULT ''",
        "priority INTEGER NOT NULL DEFAULT 0",
        "gpus INTEGER NOT NULL DEFAULT 1",
        "memory_bytes INTEGER NOT NULL DEFAULT 0",
    )
}
"""Version -> the columns that it added to those of version 1."""
SET_ASKED = ", ".join(f"{name} = excluded.{name}" for name in ASKED.split(", "))
Process = tuple[int, float]
"""Process id and creation time: together they name a process."""


class Asked(NamedTuple):
    """What a job asks of the queue."""

    verb: str = "fit"
    owner: str = ""
    """The person, or whoever else has it done; not the app that has the run, which is `Row.owner_pid`."""
    priority: int = 0
    gpus: int = 1
    memory_bytes: int = 0

    @classmethod
    def by(cls, job: Job) -> Asked:
        known = job.recipe.task in registry.names()  # of others the worker says what is wrong
        gpus = job.resources.gpus if not known or registry.task(job.recipe.task).info.on_card else 0
        return cls(job.verb, job.owner, job.priority, gpus, job.resources.memory_bytes)


PLAIN = Asked()


@dataclass(frozen=True)
class Row:
    """One run, as the queue knows it."""

    id: str
    state: State
    asked: Asked
    created: float
    """When it was queued, in seconds since the epoch."""
    started: float | None
    pid: int | None
    """Of its worker; None until that is started."""
    pid_created: float | None
    slot: int | None
    """Which GPU it has, counted from 0; on a machine without, which place among the runs at once."""
    owner_pid: int | None
    """Of the app that took it from the queue."""
    owner_created: float | None

    @classmethod
    def read(cls, values: Sequence[Any]) -> Row:
        """From the values of COLUMNS."""
        return cls(values[0], State(values[1]), Asked(*values[9:]), *values[2:9])


class Store:
    """Safe to use from any thread, and from several processes on the same file."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.Lock()
        self.new = False
        """The table was empty until now: whoever opened it fills it from the run folders."""
        try:
            self._database = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # busy, read-only, no space: the file itself is sound
                raise
            self._set_aside()
            self._database = self._open()

    def _set_aside(self) -> None:
        """Keeps a file that is no database for whoever wants to look at it."""
        self.path.rename(self.path.with_name(f"{self.path.name}.broken-{int(time.time())}"))
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _write_ahead(database)
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("BEGIN IMMEDIATE")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self.new, version = True, 1
            database.execute(
                """CREATE TABLE IF NOT EXISTS runs (
                    id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL NOT NULL, started REAL,
                    pid INTEGER, pid_created REAL, slot INTEGER, owner_pid INTEGER, owner_created REAL)"""
            )
            database.execute("CREATE INDEX IF NOT EXISTS by_state ON runs (state, created)")
            database.execute("CREATE UNIQUE INDEX IF NOT EXISTS one_a_slot ON runs (slot) WHERE state = 'running'")
        if version < SCHEMA:
            for column in (column for number, columns in ADDED.items() if number > version for column in columns):
                database.execute(f"ALTER TABLE runs ADD COLUMN {column}")
            database.execute(f"PRAGMA user_version = {SCHEMA}")
        database.execute("COMMIT")
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            database.close()
            raise sqlite3.DatabaseError("damaged")
        return database

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else can write into; undone when the block raises."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _rows(self, condition: str, *values: object) -> list[Row]:
        with self._lock:
            found = self._database.execute(f"SELECT {COLUMNS} FROM runs WHERE {condition}", values).fetchall()
        return list(map(Row.read, found))

    # -- reading

    def get(self, run_id: str) -> Row | None:
        return next(iter(self._rows("id = ?", run_id)), None)

    def running(self) -> list[Row]:
        return self._rows("state = 'running' ORDER BY started")

    def queued(self) -> list[Row]:
        """Who waits, the next first."""
        with self._lock:
            return [Row.read(row) for row in self._database.execute(WAITING)]

    def unfinished_of(self, owner: str) -> int:
        """How many runs of that owner wait or run."""
        return len(self._rows("owner = ? AND state IN ('queued', 'running')", owner))

    def of_owners(self, owners: Iterable[str]) -> list[Row]:
        """Every run of these owners that is known, in the order in which they were queued."""
        return self._rows("owner IN (SELECT value FROM json_each(?)) ORDER BY created", json.dumps(list(owners)))

    def ended_since(self, when: float) -> dict[State, int]:
        """How many runs that were queued after `when` (seconds since the epoch) have ended, by their last state."""
        with self._lock:
            found = self._database.execute("SELECT state, COUNT(*) FROM runs WHERE created > ? GROUP BY state", (when,))
            counted = {State(state): int(runs) for state, runs in found}
        return {state: runs for state, runs in counted.items() if state.finished}

    # -- writing

    def add(self, run_id: str, limit: int, then: Callable[[], object] = lambda: None, asked: Asked = PLAIN) -> bool:
        """Puts a run, new or finished, in the queue, last of its priority; False when `limit` runs wait there already.

        `then` is called before anybody can take the run; not at all where it was queued or running already.
        """
        with self._writing() as database:
            (waiting,) = database.execute("SELECT count(*) FROM runs WHERE state = 'queued'").fetchone()
            if waiting >= limit:
                return False
            added = database.execute(
                f"""INSERT INTO runs (id, state, created, {ASKED}) VALUES (?, 'queued', ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET state = 'queued', created = excluded.created, started = NULL,
                    pid = NULL, pid_created = NULL, slot = NULL, owner_pid = NULL, owner_created = NULL, {SET_ASKED}
                    WHERE state NOT IN ('queued', 'running')""",
                (run_id, _after_all(database, "created"), *asked),
            ).rowcount
            if added:
                then()
            return True

    def remember(
        self, run_id: str, state: State, created: float, worker: Process | tuple[None, None], asked: Asked
    ) -> None:
        """Writes down an unfinished run found on disk, unless it is known as unfinished already."""
        with self._writing() as database:
            database.execute(
                f"""INSERT INTO runs (id, state, created, started, pid, pid_created, {ASKED})
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET state = excluded.state, started = excluded.started,
                    pid = excluded.pid, pid_created = excluded.pid_created,
                    slot = NULL, owner_pid = NULL, owner_created = NULL, {SET_ASKED}
                    WHERE state NOT IN ('queued', 'running')""",
                (run_id, state, created, created, *worker, *asked),
            )

    def claim(self, places: Places, owner: Process, held: Iterable[str] = ()) -> Row | None:
        """Takes for the app `owner` the next run from the queue that finds a free place of its kind. The runs of the
        owners `held` stay where they are.

        Places with a card come first among the slots, those without behind them."""
        with self._writing() as database:
            running = database.execute("SELECT slot FROM runs WHERE state = 'running'").fetchall()
            taken = {slot for (slot,) in running}
            with_card = sorted(set(range(places.cards)) - taken)
            without = sorted(set(range(places.cards, places.all)) - taken)
            if len(running) >= places.all or not with_card and not without:
                return None
            waiting = database.execute(
                f"SELECT id, gpus FROM ({WAITING}) WHERE owner NOT IN (SELECT value FROM json_each(?))",
                (json.dumps(list(held)),),
            ).fetchall()
            fits = ((run_id, with_card if places.wants_card(gpus) else without) for run_id, gpus in waiting)
            chosen, free = next(((run_id, free) for run_id, free in fits if free), (None, []))
            if chosen is None:
                return None
            row = database.execute(
                f"""UPDATE runs SET state = 'running', started = ?, slot = ?, owner_pid = ?, owner_created = ?
                    WHERE id = ? AND state = 'queued' RETURNING {COLUMNS}""",
                (_after_all(database, "started"), free[0], *owner, chosen),
            ).fetchone()
        return Row.read(row) if row else None

    def set_process(self, run_id: str, pid: int, pid_created: float) -> None:
        with self._writing() as database:
            database.execute("UPDATE runs SET pid = ?, pid_created = ? WHERE id = ?", (pid, pid_created, run_id))

    def move(self, run_id: str, before: State, after: State, then: Callable[[], object] = lambda: None) -> bool:
        """From one state to another, once: False when somebody else was faster. If `then` raises, nothing moved."""
        with self._writing() as database:
            moved = database.execute(
                "UPDATE runs SET state = ? WHERE id = ? AND state = ?", (after, run_id, before)
            ).rowcount
            if moved:
                then()
        return bool(moved)

    def sooner(self, run_id: str) -> bool:
        """Changes places with the run of the same owner and priority that waits right before it; False where there is
        none, or where it does not wait."""
        with self._writing() as database:
            before = database.execute(
                """SELECT one.created, one.rowid, other.id, other.created, other.rowid
                    FROM runs AS one JOIN runs AS other ON other.owner = one.owner
                    AND other.priority = one.priority AND other.state = 'queued'
                    AND (other.created, other.rowid) < (one.created, one.rowid)
                    WHERE one.id = ? AND one.state = 'queued' ORDER BY other.created DESC, other.rowid DESC LIMIT 1""",
                (run_id,),
            ).fetchone()
            if before is None:
                return False
            created, place, other, earlier, front = before
            move = "UPDATE runs SET created = ?, rowid = ? WHERE id = ?"
            database.execute(move, (earlier, -1, run_id))  # a place is nobody else's at any time
            database.execute(move, (created, place, other))
            database.execute(move, (earlier, front, run_id))  # owners stay in the order of their first
        return True

    def give_back(self, run_id: str, asked: Asked) -> bool:
        """From running to the end of the queue of its priority, which may be another now; False when it ran no more."""
        with self._writing() as database:
            moved = database.execute(
                f"""UPDATE runs SET state = 'queued', created = ?, started = NULL, pid = NULL, pid_created = NULL,
                    slot = NULL, owner_pid = NULL, owner_created = NULL, ({ASKED}) = (?, ?, ?, ?, ?)
                    WHERE id = ? AND state = 'running'""",
                (_after_all(database, "created"), *asked, run_id),
            ).rowcount
        return bool(moved)

    def forget(self, run_id: str) -> None:
        with self._writing() as database:
            database.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def forget_ended_of(self, owner: str) -> None:
        """Drops what is known of an owner's runs that have ended, from the disk too."""
        with self._lock:
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.execute("DELETE FROM runs WHERE owner = ? AND state NOT IN ('queued', 'running')", (owner,))
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _after_all(database: sqlite3.Connection, moment: Literal["created", "started"]) -> float:
    """Now; where the clock was set back, just after the last of these moments: what orders the queue only grows."""
    (last,) = database.execute(f"SELECT MAX({moment}) FROM runs").fetchone()
    return max(time.time(), math.nextafter(last or 0.0, math.inf))


def _write_ahead(database: sqlite3.Connection) -> None:
    """Turns on the write-ahead log. SQLite does not wait by itself when two processes do that at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
