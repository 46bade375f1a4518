"""What both sides of the warm server speak: where it listens, how each shows that it knows the key, JSON in frames."""

from __future__ import annotations

import functools
import json
import os
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engines import messages, paths
from engines.hosting import limits
from engines.jobs import processes

LOG = "serving.log"
LONGEST_QUESTION = 1 << 20  # bytes

Question = dict[str, Any]
"""A verb and what it needs; docs/architecture.md lists them."""
Message = dict[str, Any]
"""What the server says: {'begun'}, {'progress': [done, total]}, {'piece'}, and last {'answer'}, {'problems'} or
{'failed'}. Sentences in it are messages on both sides."""


# --- where the server listens -----------------------------------------------------------------------


TOLD: dict[str, Callable[[Any], Any]] = {"port": int, "key": str, "pid": int, "created": float, "code": float}
"""What a server tells of itself."""


def address_file() -> Path:
    """Only its owner can read it: it holds the key."""
    return paths.home() / "serving.json"


def log_as_told() -> str:
    """Where the log is, as a person is told: strangers on a public host learn its name and not the host's folders."""
    return LOG if limits.public() else str(paths.home() / LOG)


def address() -> dict[str, Any] | None:
    """Where the living server listens: port, key, process, age of its code; None for a file that says anything else."""
    try:
        told = json.loads(address_file().read_text(encoding="utf-8"))
        found = {name: kind(told[name]) for name, kind in TOLD.items()}
        bytes.fromhex(found["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if processes.alive(found["pid"], found["created"]) else None


def publish(port: int, key: bytes) -> None:
    """Tells whoever has this home where this process listens."""
    pid = os.getpid()
    told = {"port": port, "key": key.hex(), "pid": pid, "created": processes.created(pid), "code": code_age()}
    partial = address_file().with_suffix(f".{pid}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file)
    partial.replace(address_file())


@functools.cache
def code_age() -> float:
    """When the newest of our own files was written: a server with an earlier time than ours runs outdated code."""
    return max(file.stat().st_mtime for file in (paths.PROJECT / "engines").rglob("*.py"))


# --- messages ---------------------------------------------------------------------------------------


def leave_at_once(connection: Connection) -> None:
    """Small messages don't wait until the one before is acknowledged: that would be 40 ms each."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send(connection: Connection, message: Message) -> None:
    """Raises OSError when the other side has left."""
    connection.send_bytes(json.dumps(messages.kept(message), default=_plain).encode())


def receive(connection: Connection, most: int | None = None) -> Message:
    """The next message, of `most` bytes. Raises EOFError when the other side has left, and OSError."""
    return messages.read(json.loads(connection.recv_bytes(most)))


def _plain(value: object) -> object:
    """NumPy's numbers and paths as JSON has them."""
    return value.item() if hasattr(value, "item") else str(value)
