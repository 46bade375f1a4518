"""Where Headstart keeps things on disk. Everything hangs below HEADSTART_HOME (default `~/.headstart`)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    return Path(os.environ.get("HEADSTART_HOME") or Path.home() / ".headstart").absolute()


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def runs() -> Path:
    """A folder a run, named by its id."""
    return _made(home() / "runs")


def uploads() -> Path:
    """A folder an upload, named by an unguessable id."""
    return _made(home() / "uploads")


def datasets() -> Path:
    """A folder a data set that was made in the app, named by its id."""
    return _made(home() / "datasets")


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
