"""How many blocks should learn: the same fine-tuning with 0, 1, 2, … and all blocks, at several seeds.

Yosinski, Clune, Bengio & Lipson 2014, 'How transferable are features in deep neural networks?'. Scored on the held-out
examples that also choose the pass that is kept; what a run is tested on is never asked.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engines.classification.fit import ClassificationStudy
from engines.contract import InputError, Problem, Run, Strategy, Study
from engines.evidence import depth_curve
from engines.evidence.intervals import balanced
from engines.messages import _
from engines.runs import TRIALS
from engines.training import transfer
from engines.trial_runs import TrialRun

FEWEST = 10
"""Held-out examples below which a curve would be noise."""


def sweep(study: Study, run: Run, seeds: int, blocks: Sequence[int] | None = None) -> dict[str, Any]:
    """{'points', 'sentence', 'n', 'unit', 'metric', …}: see `evidence.depth_curve`. Each point is trained by its own
    default passes and step size. `blocks` are the numbers to try besides 0; all of them, where none are given.

    Continues from the points that a stopped sweep has left in `run.path`. Raises InputError and Cancelled.
    """
    assert isinstance(study, ClassificationStudy)
    stages, n = len(study.card.stages), len(study.prepared.parts["validation"])
    depths = [0, *(sorted({*blocks} - {0}) if blocks else range(1, stages + 1))]
    _check(depths, stages, seeds, n)
    tried = [(depth, study.recipe.seed + seed) for seed in range(seeds) for depth in depths]
    scores: dict[int, list[float]] = {depth: [] for depth in depths}
    for done, (depth, seed) in enumerate(tried, 1):
        point = _point(study, run, depth, seed)
        scores[depth].append(point["value"])
        run.emit("point", blocks=depth, seed=seed, **point)
        run.emit("progress", phase="sweeping", done=done, total=len(tried), unit="trainings")
    points = depth_curve.points({depth: np.array(own) for depth, own in scores.items()})
    return {
        "task": study.info.name,
        "model": study.card.name,
        "metric": study.info.metric.name,
        "stages": stages,
        "n": n,
        "unit": study.info.unit,
        "seed": study.recipe.seed,
        "points": points,
        "sentence": depth_curve.sentence(points, n, study.info.unit),
    }


def _check(depths: Sequence[int], stages: int, seeds: int, held_out: int) -> None:
    problems = []
    if depths[0] < 0 or depths[-1] > stages or len(depths) < 2:
        problems.append(
            Problem(
                "blocks",
                _("found {depths}", depths=depths[1:]),
                _("accepted: numbers from 1 to {stages}", stages=stages),
            )
        )
    if seeds < depth_curve.FEWEST_SEEDS:
        problems.append(
            Problem(
                "seeds",
                _("found {seeds}", seeds=seeds),
                _("accepted: {fewest_seeds} or more, for a band", fewest_seeds=depth_curve.FEWEST_SEEDS),
            )
        )
    if held_out < FEWEST:
        found = _("{held_out} examples are held out to choose by", held_out=held_out)
        problems.append(
            Problem(_("setting validation_fraction"), found, _("accepted: so many that {fewest} are", fewest=FEWEST))
        )
    if problems:
        raise InputError(*problems)


def _point(study: ClassificationStudy[Any, Any], run: Run, depth: int, seed: int) -> dict[str, float]:
    """`value`, balanced accuracy on the held-out examples, and `seconds` of the training; read where it is known."""
    name = f"{TRIALS}/{depth}-{seed}"
    if (file := run.path / f"{name}.json").is_file():
        known: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
        return known
    if (old := run.path / f"{name}.npy").is_file():  # of before 0.4
        return {"value": float(np.load(old, allow_pickle=False)), "seconds": 0.0}
    strategy = Strategy.FEATURES if depth == 0 else Strategy.PARTIAL
    usual = replace(study.settings, epochs=None, learning_rate=None, depth=0, refit=False)
    settings = replace(usual, blocks=depth) if depth else usual
    own = TrialRun(run, name)
    outcome = transfer.learn(study.train_spec(settings, seed, own), strategy)
    assert outcome.held_out is not None
    labels = study.prepared.labels("validation")
    value = balanced(labels, (outcome.held_out.argmax(1) == torch.from_numpy(labels)).numpy())
    point = {"value": float(value), "seconds": round(outcome.seconds, 2)}
    run.write(f"{name}.json", json.dumps(point))
    shutil.rmtree(own.path, ignore_errors=True)
    return point
