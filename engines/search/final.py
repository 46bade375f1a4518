"""The end of a search: winner and default learn from all that may be learnt from, and meet the test together, once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines import lifecycle
from engines.contract import Estimate, Job, Metric, Recipe, Scores, State, Study, Task, Trial
from engines.evidence.verdict import compared as judged
from engines.messages import _
from engines.runs import RunFolder
from engines.search.plan import Candidate
from engines.search.trial_folder import TrialFolder

BEST, DEFAULT = "best", "default"
"""Their run folders, below the search's. Of the default only what it came to is kept."""
OUTCOMES = "tested.json"


@dataclass(frozen=True)
class Compared:
    """On the test."""

    best: Estimate
    default: Estimate
    difference: Estimate
    best_seconds: float
    default_seconds: float
    too_few: str
    """Why a test like this decides nothing; empty where it can."""

    def ahead(self, metric: Metric) -> bool:
        """Whether the whole interval of the difference is on the better side."""
        return self.difference.low > 0 if metric.higher_is_better else self.difference.high < 0


def compared(task: Task, default: Recipe, run: RunFolder, best: Candidate, same: bool) -> Compared:
    """`same`: whether the default itself is the winner. Raises InputError and Cancelled."""
    run.emit("phase", name="testing", title=_("The winner and the default meet the test, once and together"))
    ours, study = _winner(task, best.recipe(default), run)
    theirs = ours if same else _default(task, default, run)
    scores = study.scores(arrays(ours["outcomes"]))
    others = study.scores(arrays(theirs["outcomes"]))
    if same:
        difference = Estimate(0.0, 0.0, 0.0, scores.n)
    else:
        difference = judged(scores, others, DEFAULT, task.info.metric, learnt_from=int(ours["learnt_from"])).difference
    seconds = float(ours["seconds"]), float(theirs["seconds"])
    return Compared(scores.estimate(), others.estimate(), difference, *seconds, scores.too_few)


def arrays(outcomes: Iterable[Sequence[Any]]) -> list[np.ndarray]:
    """What a file has of `Scores.outcomes`."""
    return [np.array(each, dtype=float) for each in outcomes]


def _winner(task: Task, recipe: Recipe, run: RunFolder) -> tuple[dict[str, Any], Study]:
    """A whole run of its own, to take home; what it came to, and its study."""
    folder = _folder(run, BEST, recipe)
    known = _known(folder)
    if known is not None and folder.result is not None:
        return known, task.open(folder.recipe, folder)
    folder.set_state(State.RUNNING, "Starting.")
    began, kept = time.monotonic(), []

    def tested(study: Study, trial: Trial) -> None:
        kept.append((_write(folder, study, trial, time.monotonic() - began), study))

    lifecycle.fit(task, recipe, folder, tested=tested)
    folder.set_state(State.DONE, "Done.")
    return kept[0]


def _default(task: Task, recipe: Recipe, run: RunFolder) -> dict[str, Any]:
    folder = _folder(run, DEFAULT, recipe)
    if (known := _known(folder)) is not None:
        return known
    began = time.monotonic()
    study = lifecycle.opened(task, recipe, folder)
    trial = study.trial(recipe.strategy)
    return _write(folder, study, trial, time.monotonic() - began)


def _folder(run: RunFolder, name: str, recipe: Recipe) -> RunFolder:
    path = run.path / name
    if not (path / "recipe.json").is_file():
        RunFolder.create(Job(recipe), path)
    return TrialFolder(path, run, float("inf"), None, higher_is_better=True)


def _known(folder: RunFolder) -> dict[str, Any] | None:
    file = folder.path / OUTCOMES
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found


def _write(folder: RunFolder, study: Study, trial: Trial, seconds: float) -> dict[str, Any]:
    scores: Scores = trial.scores
    found = {
        "outcomes": [each.tolist() for each in scores.outcomes],
        "seconds": round(seconds, 2),
        "learnt_from": study.counts(trial)[0],
    }
    folder.write(OUTCOMES, json.dumps(found))
    return found
