"""Which GPUs a run could have, found without torch."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess


@functools.cache
def names() -> tuple[str, ...]:
    """One name a card, as CUDA_VISIBLE_DEVICES takes it; empty on a machine without NVIDIA cards. May take a second."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = [name.strip() for name in chosen.split(",")]
        return tuple(name for name in names if name and name != "-1")
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ()
    try:
        listing = subprocess.run(
            [tool, "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listing.splitlines() if line.startswith("GPU-"))


def groups(size: int) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES tells each run where one takes `size` cards, or all where there are fewer."""
    cards = names()
    step = min(size, len(cards)) or 1
    return tuple(",".join(cards[first : first + step]) for first in range(0, len(cards) - step + 1, step))
