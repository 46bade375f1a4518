"""A comparison made by hand, for tests of pages only: its numbers are invented and shown to nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.contract import Job, State
from engines.runs import RunFolder
from tests.pages import finished_run

BUDGETS = (20, 60, 150)
ARMS = {"features": (0.70, 0.80, 0.87), "scratch": (0.30, 0.36, 0.43), "pixels_logistic_regression": (0.30, 0.31, 0.33)}
SECONDS = {"features": 4.0, "scratch": 21.0}
"""Simple methods are not timed."""


def answer(*, budgets: tuple[int, ...] = BUDGETS, seeds: int = 3, **changes: Any) -> dict[str, Any]:
    """comparison.json."""
    difference = {"value": 0.44, "low": 0.31, "high": 0.57, "n": 62, "seeds": seeds}
    found = {
        "task": finished_run.TASK,
        "model": finished_run.MODEL,
        "strategy": "features",
        "metric": "balanced_accuracy",
        "unit": "photographs",
        "points": [_point(budget, arm, seeds) for budget in budgets for arm in ARMS],
        "verdict": "pays",
        "scope": "training",
        "side": "better",
        "reason": "",
        "against": "scratch",
        "level": 0.983,
        "difference": difference,
        **difference,
        "smallest": 0.186,
        "seeds_asked": 5,
        "stopped_early": True,
        "labels_saved": None,
        "labels_saved_text": "More than 130 photographs: with 20 it is already where the other is with 150.",
        "time_saved": {"ratio": 0.19, "low": 0.15, "high": 0.24, "seconds": 17.0, "steps": 0.0},
        "time_saved_text": "It takes 0.19 of the time to stand where the other ends.",
        "convergence": [course(arm, seed) for arm in ("features", "scratch") for seed in range(seeds)],
    }
    return {**found, **changes}


def _point(budget: int, arm: str, seeds: int) -> dict[str, Any]:
    mean = ARMS[arm][BUDGETS.index(budget)]
    values = [mean + 0.01 * (seed - (seeds - 1) / 2) for seed in range(seeds)]
    interval = {"mean": mean, "low": mean - 0.07, "high": mean + 0.06}
    rest = {"seeds": seeds, "values": values, "seconds": SECONDS.get(arm)}
    return {"budget": budget, "strategy": arm, **interval, **rest}


def course(arm: str, seed: int, epochs: int = 5) -> dict[str, Any]:
    """One training, epoch by epoch."""
    at = range(1, epochs + 1)
    values = [ARMS[arm][-1] * (1 - 0.5**epoch) + 0.01 * seed for epoch in at]
    seconds = [SECONDS[arm] * epoch / epochs for epoch in at]
    return {"strategy": arm, "seed": seed, "epochs": list(at), "values": values, "seconds": seconds}


def write(
    path: Path,
    *,
    found: dict[str, Any] | None = None,
    budgets: tuple[int, ...] = BUDGETS,
    seeds: int = 5,
    state: State = State.DONE,
) -> RunFolder:
    """A comparison at `path`, done where there is something `found`; else with the points of a first seed and a half,
    and a look."""
    recipe = finished_run.recipe(data_sha256="0123456789abcdef" * 4)
    run = RunFolder.create(Job(recipe, "compare", {"budgets": list(budgets), "seeds": seeds}), path)
    events: list[dict[str, Any]] = [{"kind": "status", "state": State.RUNNING, "message": ""}]
    if found is None:
        events += _points(budgets[-1:] or (150,))
        phase = {"kind": "phase", "name": "train", "title": "Training the head", "series": "transfer"}
        progress = {"kind": "progress", "phase": "comparing", "done": 4, "total": 20, "unit": "trainings"}
        others = {"kind": "progress", "phase": "caching", "done": 7, "total": 9, "unit": "photographs"}
        events += [phase, progress, others]
    else:
        events.append({"kind": "note", "message": "2 left out: a.jpg is no picture."})
    events += [] if state is State.RUNNING else [{"kind": "status", "state": state, "message": ""}]
    lines = [json.dumps({"time": 1_790_000_000.0 + n, **event}) for n, event in enumerate(events)]
    run.write("events.jsonl", "".join(f"{line}\n" for line in lines))
    if found is not None:
        run.write("comparison.json", json.dumps(found))
    return run


def _points(budgets: tuple[int, ...]) -> list[dict[str, Any]]:
    points = [
        {"kind": "point", "budget": budget, "strategy": arm, "seed": seed, "value": ARMS[arm][-1] + 0.02 * seed}
        | {"seconds": SECONDS[arm], "n": 62}
        for budget in budgets
        for seed in (0, 1)
        for arm in ("features", "scratch")
    ]
    difference = {"value": 0.08, "low": 0.01, "high": 0.15}
    return [*points, points[0], {"kind": "look", "seeds": 2, "difference": difference, "side": "unclear"}]
