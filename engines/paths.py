"""Where Headstart keeps things on disk. Everything hangs below HEADSTART_HOME (default `~/.headstart`)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PRIVATE_FOLDER = stat.S_IRWXU
OTHERS = stat.S_IRWXG | stat.S_IRWXO
PRIVATE_UMASK = OTHERS
"""For processes that write below the home: what they make is their own user's alone (folders 700, files 600)."""


def home() -> Path:
    return Path(os.environ.get("HEADSTART_HOME") or Path.home() / ".headstart").absolute()


def private_home() -> Path:
    """The home, made where there is none, and closed to the other users of this machine: what lies in it is somebody's.

    Where it belongs to another user (a volume that is mounted for us), its owner decides.
    """
    folder = home()
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    if os.name == "posix" and folder.stat().st_mode & OTHERS:
        with contextlib.suppress(PermissionError):
            folder.chmod(PRIVATE_FOLDER)
    return folder


def _made(path: Path) -> Path:
    if path.is_relative_to(home()):
        private_home()
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    return path


def runs() -> Path:
    """A folder a run, named by its id."""
    return _made(home() / "runs")


def shown() -> Path:
    """A file for each run or data set that somebody has a link to show of: see `shown_ids`."""
    return _made(home() / "shown")


def uploads() -> Path:
    """A folder an upload, named by an unguessable id."""
    return _made(home() / "uploads")


def datasets() -> Path:
    """A folder a data set that was made in the app, named by its id."""
    return _made(home() / "datasets")


def brought() -> Path:
    """Checkpoints that people brought as backbones: a folder each, named by architecture and digest."""
    return home() / "backbones"


def starts() -> Path:
    """What is kept of finished runs that others start from: a folder each, named by the digest of its weights."""
    return _made(home() / "starts")


def work(data: Path) -> Path:
    """Where an archive is unpacked and what was found in it is remembered: one place for each state of `data`."""
    stat = data.stat() if data.is_file() else None
    state = (str(data.absolute()), stat and stat.st_size, stat and stat.st_mtime_ns)
    return _made(home() / "work" / hashlib.sha256(repr(state).encode()).hexdigest()[:24])


def samples() -> Path:
    """Samples, made once and reused."""
    return _made(home() / "samples")


def cache() -> Path:
    """Frozen activations; safe to delete."""
    return _made(Path(os.environ.get("HEADSTART_CACHE") or home() / "cache"))


def models() -> Path | None:
    """A folder of pretrained weights that somebody prepared (HEADSTART_MODELS), looked in first."""
    folder = os.environ.get("HEADSTART_MODELS")
    return Path(folder) if folder else None


def showcase() -> Path:
    """Recorded runs that come with the project: what a page shows before its visitor has trained anything."""
    return PROJECT / "showcase"
