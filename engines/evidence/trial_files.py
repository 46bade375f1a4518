"""What the trainings of a comparison leave: a file each, so that it can go on, or begin with a finished run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.contract import Run, Strategy, Study
from engines.evidence import curve
from engines.evidence.curve import Curve
from engines.runs import TRIALS, RunFolder

SAME = ("task", "data_sha256", "model", "strategy", "seed", "settings")
"""What two recipes have in common whose trainings are the same."""
WHOLE = "all"
"""The budget of a training that is done as the run had it."""


@dataclass(frozen=True)
class Left:
    """What a training left."""

    outcome: np.ndarray
    """See `Scores.outcomes`."""
    seconds: float = 0.0
    curve: Curve | None = None
    """How its validation metric rose, where that was measured."""


def written(left: Left) -> str:
    """A training's file."""
    found = None if left.curve is None else dataclasses.asdict(left.curve)
    return json.dumps({"outcome": left.outcome.tolist(), "seconds": left.seconds, "curve": found})


def read(text: str) -> Left:
    """What `written` wrote."""
    values = json.loads(text)
    return Left(np.array(values["outcome"], dtype=float), values["seconds"], Curve.read(values["curve"]))


def file_name(budget: int | None, seed: int, strategy: Strategy) -> str:
    return f"{WHOLE if budget is None else budget}-{seed}-{strategy}"


def take_over(first: RunFolder, run: Run, study: Study) -> None:
    """Puts what another run's trainings left in place, where it is of the same data and recipe."""
    known, now = first.recipe, replace(study.recipe, data_sha256=study.sha256)
    if any(getattr(known, name) != getattr(now, name) for name in SAME):
        return
    for file in sorted((first.path / TRIALS).glob("[!.]*.json")):
        if not (run.path / TRIALS / file.name).exists():
            run.write(f"{TRIALS}/{file.name}", file.read_text(encoding="utf-8"))


def remember(run: Run, strategy: Strategy, seed: int, trial: Any) -> None:
    """Leaves what a run's training came to, so that a comparison may begin with it."""
    outcomes = trial.scores.outcomes
    if len(outcomes) == 1:  # a policy's repeats are seeds already
        left = Left(outcomes[0], trial.seconds, curve.of(trial.progress, trial.seconds))
        run.write(f"{TRIALS}/{file_name(None, seed, strategy)}.json", written(left))


def remembered(run: Run, strategy: Strategy, seed: int) -> Left | None:
    """What `remember` left; None where it is gone."""
    file = run.path / TRIALS / f"{file_name(None, seed, strategy)}.json"
    return read(file.read_text(encoding="utf-8")) if file.is_file() else None
