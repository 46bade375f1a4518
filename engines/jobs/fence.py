"""What a worker of a public host may not: take the machine's memory, its disk, its processes, or its network.

Strangers' data go through decoders and strangers' descriptions through simulators; whatever they make of a worker, it
stays inside this fence. Each part that a system does not have is named, so that whoever hosts can know.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from engines.environment import number
from engines.hosting import limits
from engines.messages import _

GIB = 1 << 30
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # <linux/sched.h>
NICE = 10


def memory_bytes() -> int:
    """HEADSTART_RUN_MEMORY_BYTES: address space of a worker on a public host. Default 12 GiB; 0: no limit."""
    return number("HEADSTART_RUN_MEMORY_BYTES", 12 * GIB)


def file_bytes() -> int:
    """HEADSTART_RUN_FILE_BYTES: of any one file that it writes. Default 8 GiB; 0: no limit."""
    return number("HEADSTART_RUN_FILE_BYTES", 8 * GIB)


def processes() -> int:
    """HEADSTART_RUN_PROCESSES: processes and threads that its user may have. Default 1024; 0: no limit."""
    return number("HEADSTART_RUN_PROCESSES", 1024)


def put_up(*, network: bool = False) -> list[str]:
    """Fences this process and all that it starts, on a public host; nothing elsewhere. Call it before any thread is
    started. `network`: leave it the network. Returns what does not hold here, a sentence each."""
    if not limits.public():
        return []
    parts: list[tuple[str, Callable[[], None]]] = [
        (_("a place behind others"), _nice),
        (_("a limit of memory"), lambda: _limit("RLIMIT_AS", 0 if _has_cuda() else memory_bytes())),
        (_("a limit of file size"), lambda: _limit("RLIMIT_FSIZE", file_bytes())),
        (_("a limit of processes"), lambda: _limit("RLIMIT_NPROC", processes())),
        (_("a limit of core dumps"), lambda: _limit("RLIMIT_CORE", 1)),
    ]
    if not network:
        parts.append((_("a network namespace of its own"), _leave_network))
    missing = []
    for what, put in parts:
        try:
            put()
        except (OSError, ImportError, AttributeError, ValueError) as error:
            missing.append(_("This system does not give a worker {what}: {error}.", what=what, error=error))
    if _has_cuda():
        missing.append(
            _("With CUDA an address-space limit would count the driver's: give the whole service a limit of memory.")
        )
    return missing


def _nice() -> None:
    os.nice(NICE)


def _limit(name: str, most: int) -> None:
    """Lowers a limit of this process; 0 leaves it as it is."""
    import resource  # not on Windows

    kind = getattr(resource, name)
    _, hard = resource.getrlimit(kind)
    most = min(most, hard) if hard != resource.RLIM_INFINITY else most
    if most:
        resource.setrlimit(kind, (most, most))


def _leave_network() -> None:
    """Into a network namespace of its own, without even a loopback, as whoever it is already (user_namespaces(7))."""
    if sys.platform != "linux":
        raise OSError("network namespaces are Linux's")
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if user == 0 else CLONE_NEWUSER | CLONE_NEWNET
    if libc.unshare(flags):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if flags & CLONE_NEWUSER:
        with contextlib.suppress(OSError):  # older kernels have no such file
            Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _has_cuda() -> bool:
    return Path("/dev/nvidiactl").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""
