"""A comparison, read from its run folder: what was asked, what has come so far, and what it came to."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from engines import registry
from engines.contract import Event, Recipe, TaskInfo, Verdict
from engines.messages import told
from engines.reporting import collected, wording
from engines.runs import RunFolder
from ui.page import words
from ui.widgets import plots

Point = dict[str, Any]
"""One arm at one budget: budget, strategy, mean, values (one a seed), seeds, seconds; low and high once it is done."""
SEEDS, MOST_SEEDS = 5, 6
"""How many a comparison is asked for, and how many it may have."""


@dataclass(frozen=True)
class Asked:
    """What the job asks for."""

    budgets: tuple[int, ...]
    """None: all that the run learnt from, just as it did."""
    seeds: int
    """The most; it may be decided before."""


@dataclass(frozen=True)
class Arm:
    """One of those that are compared. Its dash and its symbol say what its colour says."""

    name: str
    title: str
    colour: str
    dash: str
    symbol: str


def asked(run: RunFolder) -> Asked:
    given = run.job.arguments
    return Asked(tuple(given.get("budgets") or ()), int(given.get("seeds", 2)))


def outcome(run: RunFolder) -> dict[str, Any] | None:
    """comparison.json, kept in memory; None while there is none."""
    try:
        return _read(run.path, (run.path / "comparison.json").stat().st_mtime_ns)
    except FileNotFoundError:
        return None


@functools.lru_cache(maxsize=32)
def _read(path: Path, stamp: int) -> dict[str, Any] | None:  # noqa: ARG001  (the stamp keeps the memory fresh)
    return RunFolder(path).comparison


def verdict(found: dict[str, Any]) -> Verdict:
    return collected.of_comparison(found)


def in_short(run: RunFolder) -> str:
    """'Transfer pays: balanced accuracy +12 points over training from scratch', for a list; empty while it goes on."""
    if (known := outcome(run)) is None:
        return ""
    found, info = verdict(known), registry.task(run.recipe.task).info
    said = wording.claim(found, known["strategy"])
    sentence = words.verdict(found, info.metric)[0]
    return f"{said}: {sentence[:1].lower()}{sentence[1:]}" if said else sentence


def so_far(events: Iterable[Event]) -> list[Point]:
    """Each arm at each budget, from the trainings that are done. One told twice, after a resume, counts once."""
    newest = {(e.data["budget"], e.data["strategy"], e.data["seed"]): e.data for e in events if e.kind == "point"}
    places: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for (budget, strategy, _), data in sorted(newest.items()):
        places.setdefault((budget, strategy), []).append(data)
    return [
        {
            "budget": budget,
            "strategy": strategy,
            "mean": fmean(one["value"] for one in own),
            "values": [one["value"] for one in own],
            "seeds": len(own),
            "seconds": fmean(one.get("seconds") or 0.0 for one in own),
        }
        for (budget, strategy), own in places.items()
    ]


def arms(info: TaskInfo, recipe: Recipe, points: Iterable[Point]) -> list[Arm]:
    """What is compared, the recipe's own strategy first, then what learns nothing of the pretrained, then others."""
    names = list(dict.fromkeys(str(point["strategy"]) for point in points))
    own, known = str(recipe.strategy), ("scratch", "zero_shot")
    order = [name for name in (own, *known) if name in names]
    others = [name for name in names if name not in order]
    return [*(_arm(info, recipe, name) for name in order), *(_other(name, n) for n, name in enumerate(others))]


def _arm(info: TaskInfo, recipe: Recipe, name: str) -> Arm:
    if name == recipe.strategy:
        title = words.strategy(info, name, recipe.settings.get("blocks")).lower()
        return Arm(name, title, plots.TRAINED, "solid", "circle")
    if name == "scratch":
        return Arm(name, "from scratch", plots.SCRATCH, "dash", "square")
    return Arm(name, "as it came", plots.PRETRAINED, "dot", "diamond")


def _other(name: str, n: int) -> Arm:
    title = told(wording.RIVALS).get(name, name.replace("_", " "))
    return Arm(name, title, plots.MUTED[n % len(plots.MUTED)], "dashdot", "triangle-up")


def largest(points: Iterable[Point]) -> list[Point]:
    """The points at the largest budget: those that decide."""
    known = list(points)
    most = max((point["budget"] for point in known), default=0)
    return [point for point in known if point["budget"] == most]


def counted(info: TaskInfo, found: dict[str, Any] | None) -> str:
    """What a budget counts, in the plural."""
    return str((found or {}).get("unit") or info.unit)
