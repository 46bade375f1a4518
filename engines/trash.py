"""What was deleted and can be had back for a while: the folder stands aside, under another name beside its old one."""

from __future__ import annotations

import os
from pathlib import Path

from engines import clock

PREFIX = ".deleted-"
"""How the name of such a folder begins; what follows is the name that it had."""
SECONDS = 600.0
"""How long it can be had back."""


def aside(folder: Path) -> Path:
    """Where `folder` stands once it is put aside."""
    return folder.with_name(f"{PREFIX}{folder.name}")


def is_aside(folder: Path) -> bool:
    return folder.name.startswith(PREFIX)


def put_aside(folder: Path) -> Path:
    """Takes a folder out of sight at once, however long its removal takes; where it stands now. Its time begins now.
    Raises PermissionError on Windows while a file in it is open."""
    os.utime(folder)  # first, or whoever clears up just now would find it long aside
    return folder.rename(aside(folder))


def bring_back(folder: Path) -> bool:
    """Puts back what stood at `folder`; False where it is gone for good."""
    gone = aside(folder)
    if not gone.is_dir():
        return False
    gone.rename(folder)
    return True


def due(place: Path) -> list[Path]:
    """The folders aside in `place` whose time is over."""
    return [gone for gone in place.glob(f"{PREFIX}*") if clock.age(gone) > SECONDS]
