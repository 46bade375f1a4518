"""What each trial of a search came to, a file each: the leaderboard. Light: pages read it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engines.contract import Run
from engines.contract.recipe import QUOTING
from engines.messages import _, kept, read
from engines.runs import TRIALS

Ending = Literal["done", "dropped", "refused", "slow"]
"""'dropped' by halving, on the way; 'refused' by the data or the model; 'slow' where the time was up."""


@dataclass(frozen=True)
class Tried:
    """One trial."""

    number: int
    """Counts from 0, which is the default."""
    model: str
    strategy: str
    settings: Mapping[str, Any]
    """What is not as it is by default."""
    ending: Ending
    value: float | None = None
    """The metric on the examples that choose; None where it was not measured."""
    low: float | None = None
    high: float | None = None
    n: int = 0
    seconds: float = 0.0
    """All that the trial took, opening the data included."""
    epochs: int = 0
    """Passes that it learnt."""
    planned: int = 0
    trainable: int = 0
    """Parameters that learnt."""
    parameters: int = 0
    why: str = ""
    """Why it did not end as planned, in a sentence."""
    outcomes: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)
    """See `contract.Scores.outcomes`: on the examples that choose."""

    def row(self) -> dict[str, Any]:
        """For events, pages and the answer: without the outcomes."""
        values = dataclasses.asdict(self)
        del values["outcomes"]
        return values

    def shared(self) -> dict[str, Any]:
        """As others may have it: why the data were refused may quote them."""
        why = _("The data or the model refused it.") if self.ending == "refused" else self.why
        return dataclasses.replace(self, why=why).row()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Tried:
        """Of a row, or of a file."""
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def unquoting(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that quote the data."""
    return {name: value for name, value in settings.items() if name not in QUOTING}


def name_of(number: int) -> str:
    """What a trial's folder and file are called, below the search's own."""
    return f"{TRIALS}/{number:04d}"


def write(run: Run, tried: Tried) -> None:
    """Leaves a trial's file."""
    run.write(f"{name_of(tried.number)}.json", json.dumps(kept(dataclasses.asdict(tried))))


def all_of(folder: Path) -> dict[int, Tried]:
    """The trials of the search in that run folder that have ended, by their number."""
    found = {}
    for file in sorted((folder / TRIALS).glob("[0-9]*.json")):
        values = read(json.loads(file.read_text(encoding="utf-8")))
        tried = Tried.of(values)
        found[tried.number] = tried
    return found


def ranked(trials: Iterable[Tried], *, higher_is_better: bool) -> list[Tried]:
    """Those that came to the end, the best first; then the others in their order."""
    every = list(trials)
    done = [tried for tried in every if tried.ending == "done" and tried.value is not None]
    sign = -1 if higher_is_better else 1
    done.sort(key=lambda tried: (sign * (tried.value if tried.value is not None else math.inf), tried.number))
    return [*done, *(tried for tried in every if tried not in done)]
