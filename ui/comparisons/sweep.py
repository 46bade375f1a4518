"""A sweep over the blocks that learn, read from its run folder: what was asked, what has come, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

from engines.contract import Event, ModelCard
from engines.messages import _
from engines.runs import RunFolder
from ui.comparisons.found import Arm, Point
from ui.widgets import plots

SEEDS = 3
EVERY = 5
"""Blocks up to which every number of them is tried; of deeper networks 1, 2, 4, … and all."""
ARM = Arm("blocks", _("so many learn"), plots.TRAINED, "solid", "circle")


def numbers(card: ModelCard) -> list[int]:
    """How many blocks to try, besides none."""
    stages = len(card.stages)
    if stages <= EVERY:
        return list(range(1, stages + 1))
    return sorted({*(2**power for power in range(stages.bit_length()) if 2**power <= stages), stages})


def so_far(events: Iterable[Event]) -> list[Point]:
    """A point a number of blocks, as `found.Point`, from the trainings that are done: the extremes over seeds are its
    bounds. One told twice, after a resume, counts once."""
    newest = {(e.data["blocks"], e.data["seed"]): e.data["value"] for e in events if e.kind == "point"}
    values: dict[int, list[float]] = {}
    for (blocks, _unused), value in sorted(newest.items()):
        values.setdefault(blocks, []).append(value)
    return [_point(blocks, own, min(own), max(own)) for blocks, own in values.items()]


def of_outcome(known: dict[str, Any], events: Iterable[Event]) -> list[Point]:
    """The same once it is done, with the intervals of sweep.json."""
    values = {point["budget"]: point["values"] for point in so_far(events)}
    return [
        _point(one["blocks"], values.get(one["blocks"], []), one["low"], one["high"]) | {"mean": one["mean"]}
        for one in known["points"]
    ]


def _point(blocks: int, values: list[float], low: float, high: float) -> Point:
    mean = fmean(values) if values else (low + high) / 2
    own = {"budget": blocks, "strategy": ARM.name, "mean": mean, "values": values, "seeds": len(values)}
    return own | {"low": low, "high": high}


def in_short(run: RunFolder) -> str:
    """What it came to, for a list; empty while it goes on."""
    known = run.sweep
    return known["sentence"].partition(",")[0] if known else ""
