"""The samples that a room has a board for, and the part of each that only the room has.

    rooms/CODE/asides/TASK/SAMPLE/    as `contract.Task.hold_out` writes it, about.json with it: whoever is in the room
                                      and takes the sample gets what is in 'learn'; nobody gets what is in 'ask'

Of a task that keeps nothing aside there is about.json alone, and the sample is everybody's as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engines.rooms import ending
from engines.rooms.rooms import Room

ABOUT = "about.json"
MOST = 300
"""Examples that are kept aside: a model answers them in seconds, and intervals are narrow enough to tell some apart."""


@dataclass(frozen=True)
class Aside:
    """A sample with a board."""

    task: str
    sample: str
    learn: Path
    """What is learnt from."""
    ask: Path | None
    """What finished models are asked about; None where nothing is kept aside."""
    n: int = 0
    """Examples kept aside."""
    left: int = 0
    """Examples to learn from."""


def folder(room: Room, task: str, sample: str) -> Path:
    """Where it lies, or will."""
    return ending.folder(room.code) / "asides" / task / sample


def keep_whole(room: Room, task: str, sample: str, data: Path) -> None:
    """From now on the room has a board for that sample, of which nothing is kept aside."""
    into = folder(room, task, sample)
    into.mkdir(parents=True, exist_ok=True)
    (into / ABOUT).write_text(json.dumps({"learn": str(data)}), encoding="utf-8")


def every(room: Room) -> list[Aside]:
    """All of a room, by task and sample."""
    return sorted(_read(room), key=lambda aside: (aside.task, aside.sample))


def of(room: Room, task: str, sample: str) -> Aside | None:
    """Whoever asks may have read both names in an address: no path is made of them."""
    return next((aside for aside in _read(room) if (aside.task, aside.sample) == (task, sample)), None)


def learnt_from(room: Room, task: str, data: str) -> Aside | None:
    """The one whose part to learn from these data are."""
    return next((aside for aside in _read(room) if (aside.task, str(aside.learn)) == (task, data)), None)


def _read(room: Room) -> Iterator[Aside]:
    for file in (ending.folder(room.code) / "asides").glob(f"*/*/{ABOUT}"):
        if file.parent.name.startswith("."):  # one that is just being made
            continue
        told = json.loads(file.read_text(encoding="utf-8"))
        ask = file.parent / told["ask"] if "ask" in told else None
        task, sample = file.parent.parent.name, file.parent.name
        yield Aside(task, sample, file.parent / told["learn"], ask, told.get("n", 0), told.get("left", 0))
