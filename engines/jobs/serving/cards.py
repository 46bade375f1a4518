"""The warm server and the graphics cards: it takes none, so that their memory is the runs'.

It answers on the processor. What has to be known of a card is found out in a process of its own, which ends and gives
everything back. HEADSTART_ANSWERS_ON=gpu lets the server have the cards, on a machine whose runs do not need them all.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from typing import Any

from engines.contract import InputError, Problem
from engines.jobs.local import gpus
from engines.messages import _

_kept: list[str] = []
"""The names of the cards that this process hides from itself, as CUDA_VISIBLE_DEVICES takes them."""
PATIENCE = 120
"""Seconds that looking at a card may take: its driver starts first."""


def hide() -> None:
    """Call it before torch is imported. Nothing happens on a machine without cards."""
    if os.environ.get("HEADSTART_ANSWERS_ON", "").strip().lower() != "gpu" and (cards := gpus.names()):
        _kept[:] = cards
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def hidden() -> bool:
    return bool(_kept)


@functools.cache
def measured() -> dict[str, Any]:
    """`machine.measure()` as a process sees it that has the cards. Raises InputError where it does not answer."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(_kept)}
    command = [sys.executable, "-m", "engines.jobs.serving.machine"]
    try:
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True)
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise InputError(
            Problem(_("the graphics card"), _("it does not answer"), _("accepted: a driver that works"))
        ) from error
    return found
