"""What a handful of real steps took, of runs that have not been tried here yet. Light: pages read it.

One small file for all who use the machine. Like `rates` it holds no ids, no names of data and no times of day.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from engines import paths
from engines.contract import Settings
from engines.cost.rates import Kind
from engines.cost.work import Sizes

FILE = "timed.json"
MOST = 200
"""Entries that are kept, the newest."""
MATTERS = (
    *("blocks", "depth", "batch_size", "image_size", "lora_rank", "max_tokens", "window", "views", "windows"),
    "masked_words",  # before which nothing else is timed
)
"""Settings that change how long a step takes for its work; where a task has them."""

Ratios = Mapping[str, float]
"""Phase -> seconds taken over those by `work.PACE`."""


def key(of: Kind, settings: Settings, sizes: Sizes) -> str:
    """Names what was timed: the kind of run, the settings that matter to it, and how large one example is. How many
    there are does not matter: what is kept is a pace."""
    chosen = [(name, getattr(settings, name, None)) for name in MATTERS]
    return hashlib.sha256(repr((astuple(of), chosen, round(sizes.each, 1))).encode()).hexdigest()[:16]


def read() -> dict[str, Ratios]:
    """All that was timed, by `key`, the oldest first."""
    try:
        found: dict[str, Any] = json.loads((paths.home() / FILE).read_text(encoding="utf-8"))
        return {str(name): {str(p): float(ratio) for p, ratio in each.items()} for name, each in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep(name: str, ratios: Ratios) -> None:
    """Remembers it; a machine that cannot keep it forgets it."""
    found = {key: value for key, value in read().items() if key != name}
    found[name] = {phase: float(f"{ratio:.6g}") for phase, ratio in ratios.items()}
    path = paths.home() / FILE
    partial = path.with_name(f".{FILE}.{os.getpid()}.partial")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(dict(list(found.items())[-MOST:])), encoding="utf-8")
        partial.replace(path)
