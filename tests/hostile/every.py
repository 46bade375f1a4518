"""Every kind, and the state from which each variation of it is made."""

from __future__ import annotations

import zlib
from random import Random

from tests.hostile import archives, boxes, other_files, pictures, robots, sounds, tables  # noqa: F401  # they register
from tests.hostile.kinds import KINDS, Kind

__all__ = ["KINDS", "rng_of"]


def rng_of(kind: Kind, seed: int) -> Random:
    return Random(zlib.crc32(kind.name.encode()) + seed)
