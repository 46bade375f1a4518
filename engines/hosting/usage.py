"""What each visitor has had today: one small SQLite table of the host. It holds no addresses, ids of runs or names."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from engines import paths

What = Literal["bytes", "runs"]
BUSY_SECONDS = 10.0
KEPT_DAYS = 2
"""A clock that goes over midnight and back must not give anybody the day anew."""


def spend(visitor: str, what: What, amount: int, most: int) -> bool:
    """Writes down that a visitor has so much more; False, and nothing is written, where that is more than `most` today
    (0: no limit)."""
    with _table() as table:
        had = _had(table, visitor, what)
        if most and had + amount > most:
            return False
        table.execute(
            """INSERT INTO used (visitor, day, what, amount) VALUES (?, ?, ?, ?)
               ON CONFLICT (visitor, day, what) DO UPDATE SET amount = amount + excluded.amount""",
            (visitor, _today(), what, amount),
        )
        return True


def spent(visitor: str, what: What) -> int:
    """How much a visitor has had today."""
    with _table() as table:
        return _had(table, visitor, what)


def forget(visitor: str) -> None:
    """Everything that is known of a visitor."""
    with _table() as table:
        table.execute("DELETE FROM used WHERE visitor = ?", (visitor,))


def visitors_today() -> int:
    """How many have brought or started something today."""
    with _table() as table:
        (count,) = table.execute("SELECT COUNT(DISTINCT visitor) FROM used WHERE day = ?", (_today(),)).fetchone()
        return int(count)


def _had(table: sqlite3.Connection, visitor: str, what: What) -> int:
    found = table.execute(
        "SELECT amount FROM used WHERE visitor = ? AND day = ? AND what = ?", (visitor, _today(), what)
    ).fetchone()
    return int(found[0]) if found else 0


def _today() -> str:
    return _day(time.time())


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def _opened(file: Path) -> sqlite3.Connection:
    """Raises DatabaseError for a file that is no database, or part of one."""
    table = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        table.execute(
            """CREATE TABLE IF NOT EXISTS used (
                visitor TEXT, day TEXT, what TEXT, amount INTEGER, PRIMARY KEY (visitor, day, what))"""
        )
        if table.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
    except BaseException:
        table.close()
        raise
    return table


@contextlib.contextmanager
def _table() -> Iterator[sqlite3.Connection]:
    """One transaction, which no other process gets between. What is older than KEPT_DAYS is forgotten."""
    file = paths.private_home() / "visitors.sqlite3"
    try:
        table = _opened(file)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # busy, read-only, no space: the file itself is sound
            raise
        for suffix in ("", "-journal"):  # cut by a crash: what visitors had today is forgotten, and counted anew
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        table = _opened(file)
    try:
        table.execute("BEGIN IMMEDIATE")
        table.execute("DELETE FROM used WHERE day < ?", (_day(time.time() - KEPT_DAYS * 24 * 3600),))
        yield table
        table.execute("COMMIT")
    finally:
        table.close()
