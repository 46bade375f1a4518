"""What a run has to do, phase by phase, in units that a machine has a pace for. Light: pages call it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.messages import _

PHASES = {
    "start": _("Starting and reading the data"),
    "encoding": _("What stays frozen, once"),
    "training": "Training",
    "testing": "Testing",
    "keeping": _("Keeping and explaining"),
    "baseline": _("The comparison"),
}
"""The phases of a run in their order, and what a person reads."""

PACE = {
    "MACs": 56e9,
    "bf16 MACs": 180e9,
    "optimiser steps": 300.0,
    "beginnings": 4.0,  # of a phase, whatever its size: what a small network's pace is made of
    "starts": 1 / 6,  # imports and loading the weights, cold
    "keeps": 1 / 2,
    "tokens written": 100.0,
    "seconds heard": 20.0,
    "classical forecasts": 3.0,
    "windows": 20.0,
    "steps played": 40_000.0,
    "steps simulated": 4_000.0,
    "updates": 500.0,
    "simulators fitted": 1 / 2,
    "films": 1 / 5,
    "seconds of a core": math.inf,
    "bytes saved": math.inf,
}
"""Units a second on the machine that all estimates begin with: two quiet cores of a server, measured in November 2026.
Those that count multiply-accumulates are scaled by what this machine's own probe measures (`forecast.first_guess`);
all are corrected by what runs took here. The last two are within the pace of what is computed where it was measured:
`forecast.first_guess` counts them where a card computes so fast that they matter."""


@dataclass(frozen=True)
class Work:
    """Something that a phase has to do."""

    phase: str
    """One of PHASES."""
    amount: float
    unit: str
    """One of PACE."""


@dataclass(frozen=True)
class Sizes:
    """How much data a run has."""

    train: int
    """Examples to learn from; in folds all that there are."""
    validation: int = 0
    test: int = 0
    folds: int = 0
    each: float = 1.0
    """What one example costs, compared with one as on the models' cards."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else a task's own work depends on: see its cost.py."""

    @classmethod
    def of(cls, report: Mapping[str, Any], folds: int = 0) -> Sizes:
        """Those that a `DataReport`, as a dict, tells."""
        details, splits = report.get("details") or {}, report["splits"]
        each = details.get("relative_cost", 1.0)
        if folds:
            return cls(report["n_examples"], folds=folds, each=each, details=details)
        parts = {part: splits.get(part, 0) for part in ("train", "validation", "test")}
        return cls(**parts, each=each, details=details)


def by_phase(works: Iterable[Work], pace: Mapping[str, float]) -> dict[str, float]:
    """Seconds of each phase that has something to do, in the order of PHASES."""
    found: defaultdict[str, float] = defaultdict(float)
    for work in works:
        found[work.phase] += work.amount / pace[work.unit]
    return {phase: found[phase] for phase in PHASES if found[phase] > 0}
