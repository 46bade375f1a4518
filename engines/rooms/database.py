"""Where rooms are kept: one SQLite file of the host. What is deleted is overwritten, not only forgotten."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from engines import paths

BUSY_SECONDS = 10.0
TABLES = """
CREATE TABLE IF NOT EXISTS rooms (
    code TEXT PRIMARY KEY, name TEXT NOT NULL, seed INTEGER NOT NULL, key TEXT NOT NULL, address TEXT NOT NULL,
    opened REAL NOT NULL, until REAL NOT NULL, paused INTEGER NOT NULL DEFAULT 0, ending INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS tokens (room TEXT NOT NULL, hashed TEXT NOT NULL, PRIMARY KEY (room, hashed));
CREATE TABLE IF NOT EXISTS instructors (room TEXT NOT NULL, visitor TEXT NOT NULL, PRIMARY KEY (room, visitor));
CREATE TABLE IF NOT EXISTS members (
    owner TEXT PRIMARY KEY, room TEXT NOT NULL, number INTEGER NOT NULL, visitor TEXT NOT NULL, name TEXT NOT NULL,
    joined REAL NOT NULL, seen REAL NOT NULL, page TEXT NOT NULL DEFAULT '', step TEXT NOT NULL DEFAULT '',
    stuck REAL, had INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS by_visitor ON members (visitor);
CREATE TABLE IF NOT EXISTS broadcasts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, made REAL NOT NULL, what TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS board (
    room TEXT NOT NULL, owner TEXT NOT NULL, task TEXT NOT NULL, sample TEXT NOT NULL, tries INTEGER NOT NULL,
    run TEXT NOT NULL, asked TEXT NOT NULL DEFAULT '', value REAL, low REAL, high REAL, n INTEGER,
    PRIMARY KEY (owner, task, sample));
"""
ABOUT_A_ROOM = ("tokens", "instructors", "members", "broadcasts", "board")
"""Tables with a column `room`."""


def file() -> Path:
    return paths.home() / "rooms.sqlite3"


@contextlib.contextmanager
def writing() -> Iterator[sqlite3.Connection]:
    """One transaction, which no other process gets between; undone where the body raises."""
    with _opened() as table:
        table.execute("BEGIN IMMEDIATE")
        try:
            yield table
        except BaseException:
            table.execute("ROLLBACK")
            raise
        table.execute("COMMIT")


@contextlib.contextmanager
def reading() -> Iterator[sqlite3.Connection | None]:
    """None where this host has never had a room: nothing is made of that question."""
    if not file().is_file():
        yield None
        return
    with _opened() as table:
        yield table


@contextlib.contextmanager
def _opened() -> Iterator[sqlite3.Connection]:
    paths.private_home()
    if not file().is_file():
        file().touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    table = sqlite3.connect(file(), timeout=BUSY_SECONDS, isolation_level=None)
    table.row_factory = sqlite3.Row
    try:
        table.execute("PRAGMA secure_delete = ON")
        if not table.execute("SELECT 1 FROM sqlite_master WHERE name = 'board'").fetchone():
            table.executescript(TABLES)
        yield table
    finally:
        table.close()
