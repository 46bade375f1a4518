"""The end of a room: what the tables say of it, and its folder, go for good.

What its people made is deleted by the queue that knows their runs: `jobs.room_end`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engines import paths
from engines.rooms import database, members


def begin(code: str) -> list[str]:
    """From here on nobody joins, nothing of the room is taken or begun, and its people are in no room. The owners whose
    belongings are to be deleted."""
    with database.writing() as table:
        table.execute("UPDATE rooms SET ending = 1 WHERE code = ?", (code,))
        table.execute("UPDATE members SET visitor = '', stuck = NULL WHERE room = ?", (code,))
    return [member.owner for member in members.everybody(code)]


def begun() -> list[str]:
    """The codes of rooms whose end was broken off, by a kill or an error."""
    with database.reading() as table:
        return [row["code"] for row in table.execute("SELECT code FROM rooms WHERE ending")] if table else []


def forget(code: str) -> None:
    """Its rows are overwritten; what was unpacked of the data in its folder goes too."""
    for data in filter(Path.is_file, list(folder(code).rglob("*"))):
        shutil.rmtree(paths.work(data), ignore_errors=True)
    shutil.rmtree(folder(code), ignore_errors=True)
    with database.writing() as table:
        for name in database.ABOUT_A_ROOM:
            table.execute(f"DELETE FROM {name} WHERE room = ?", (code,))
        table.execute("DELETE FROM rooms WHERE code = ?", (code,))


def folder(code: str) -> Path:
    """What only the room has lies here. `code` has been read by `codes.read`."""
    return paths.home() / "rooms" / code
