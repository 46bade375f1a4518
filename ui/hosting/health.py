"""/api/health: whether this host can take a run. It tells numbers, and nothing of anybody."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from engines import paths
from engines.environment import number
from engines.hosting import operation
from engines.jobs.backends import backend

SILENT_SECONDS = 60.0
"""A run that trains and has given no sign for so long has lost its worker, or its machine has no memory left."""


def look() -> dict[str, Any]:
    """What a monitor asks: `ok`, free disk in bytes, runs that wait and train, how many of these are silent, and what
    the operator has chosen (open, paused, draining: no fault, so `ok` says nothing of it)."""
    load = backend().load()
    free = shutil.disk_usage(paths.private_home()).free
    silent = sum(seconds > SILENT_SECONDS for seconds in load.silent_seconds)
    floor = number("HEADSTART_FREE_BYTES", 1 << 30)
    return {
        "ok": free > floor and not silent,
        "disk_free_bytes": free,
        "waiting": load.waiting,
        "running": len(load.silent_seconds),
        "silent": silent,
        "operation": operation.state(),
    }


async def health(_: Request) -> JSONResponse:
    """200 where all is well, else 503."""
    found = await asyncio.to_thread(look)
    return JSONResponse(found, 200 if found["ok"] else 503)
