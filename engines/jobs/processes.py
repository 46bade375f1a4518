"""Processes that outlive whoever started them, the same way on Linux, macOS and Windows."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from engines import paths

if sys.platform == "win32":
    WINDOWS_APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    WINDOWS_APART = 0

CLOCK_SLACK = 5.0
"""Seconds by which a process's creation time may shift when the machine's clock is set, where it counts from that."""
BOOTS_APART = 1e6
"""Linux counts a process's start from when the machine was; each start of the machine has so many seconds for it."""


def start(
    module: str,
    arguments: Sequence[str] = (),
    *,
    log: Path,
    stdin: int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Runs `python -m module` where Ctrl-C in our terminal and our own end don't reach it. Raises OSError.

    What it prints is appended to `log`. The current folder stays as it is, so that relative paths in the environment
    keep their meaning.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    known = [str(paths.PROJECT), os.environ.get("PYTHONPATH", "")]
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, known)),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        **(environment or {}),
    }
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-X", "faulthandler", "-m", module, *arguments],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
            creationflags=WINDOWS_APART,
            umask=paths.PRIVATE_UMASK,  # of no effect on Windows
        )


def created(pid: int) -> float | None:
    """When the living process `pid` began: a number of seconds that no other with its id has. None: there is none, or
    only its zombie. On Linux it stays the same when the machine's clock is set (psutil's moves with it)."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return _since_boot(pid) if sys.platform == "linux" else process.create_time()
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
    except psutil.AccessDenied:  # somebody else's: ours would let us look
        return None


def _since_boot(pid: int) -> float:
    """Which start of the machine it was, and how long after it the process began (proc(5), starttime)."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19])
    return _boot() * BOOTS_APART + ticks / os.sysconf("SC_CLK_TCK")


@functools.cache
def _boot() -> int:
    """A number for this start of the machine."""
    try:
        return zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes()) >> 8
    except OSError:
        return 0


def alive(pid: int, since: float) -> bool:
    """Is that process still there, and not another one that got its number?"""
    found = created(pid)
    return found is not None and abs(found - since) < CLOCK_SLACK


def ask_to_stop(pid: int, since: float) -> None:
    """SIGTERM to the process itself, not to its data loaders: they would take the checkpoint down with them.

    Windows has no such signal; there a worker goes by its cancel flag alone.
    """
    if sys.platform != "win32" and alive(pid, since):
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).terminate()


def kill_tree(pid: int, since: float) -> None:
    """Ends the process and everything it started, at once."""
    if not alive(pid, since):
        return
    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
