"""The register of kinds: a function that makes one hostile file of its kind, another for each state of `rng`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

Maker = Callable[[Random], bytes]
Plain = Literal["raises", "memory", "disk", "time", "wrong", "reads", "dies"]
"""It ends in a traceback; wants more than a gigabyte of memory, or of the disk; takes more than ten seconds of the
processor; gives something else than what is in the file, or what harms whoever is shown it; dies without a word; or
reads it, and nothing is wrong."""


@dataclass(frozen=True)
class Kind:
    """One way to break a reader."""

    name: str
    ending: str
    """Of the file's name, with its dot."""
    tasks: tuple[str, ...]
    make: Maker
    whole: bool
    """Whether the file is the upload; else it lies among good examples, of which none may be lost."""
    slow: bool = False
    """Whether making it, or reading as much of it as may be, takes seconds: left out of the sample in `make test`."""
    plain: Plain = "raises"
    """What becomes of a reader that trusts it (`plain.py`), as `benchmarks/hostile.py` has found."""


KINDS: dict[str, Kind] = {}


def kind(
    ending: str, *tasks: str, whole: bool = False, slow: bool = False, plain: Plain = "raises"
) -> Callable[[Maker], Maker]:
    """Registers the function below, whose name is the kind's."""

    def register(make: Maker) -> Maker:
        name = make.__name__.replace("_", " ")
        KINDS[name] = Kind(name, ending, tasks, make, whole, slow, plain)
        return make

    return register


def cut(content: bytes, rng: Random) -> bytes:
    """Ended anywhere."""
    return content[: rng.randrange(1, max(len(content), 2))]


def damaged(content: bytes, rng: Random, times: int = 20) -> bytes:
    """Some bytes changed, never the first four: it still begins as what it was."""
    changed = bytearray(content)
    for _ in range(times):
        changed[rng.randrange(4, len(changed))] = rng.randrange(256)
    return bytes(changed)
