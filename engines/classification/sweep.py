"""How many blocks should learn: the same fine-tuning with 0, 1, 2, … and all blocks, at several seeds.

Yosinski, Clune, Bengio & Lipson 2014, 'How transferable are features in deep neural networks?'. Scored on the held-out
examples that also choose the pass that is kept; what a run is tested on is never asked.
"""

from __future__ import annotations

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
from engines.runs import TRIALS, TrialRun
from engines.training import transfer

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
        scores[depth].append(_score(study, run, depth, seed))
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
        problems.append(Problem("blocks", f"found {depths[1:]}", f"accepted: numbers from 1 to {stages}"))
    if seeds < depth_curve.FEWEST_SEEDS:
        problems.append(Problem("seeds", f"found {seeds}", f"accepted: {depth_curve.FEWEST_SEEDS} or more, for a band"))
    if held_out < FEWEST:
        found = f"{held_out} examples are held out to choose by"
        problems.append(Problem("setting validation_fraction", found, f"accepted: so many that {FEWEST} are"))
    if problems:
        raise InputError(*problems)


def _score(study: ClassificationStudy[Any, Any], run: Run, depth: int, seed: int) -> float:
    """Balanced accuracy on the held-out examples; read where it is known already."""
    file = run.path / TRIALS / f"{depth}-{seed}.npy"
    if file.is_file():
        return float(np.load(file, allow_pickle=False))
    strategy = Strategy.FEATURES if depth == 0 else Strategy.PARTIAL
    settings = replace(transfer.scratch_settings(study.settings), refit=False, **({"blocks": depth} if depth else {}))
    own = TrialRun(run, f"{TRIALS}/{depth}-{seed}")
    outcome = transfer.learn(study.train_spec(settings, seed, own), strategy)
    assert outcome.held_out is not None
    labels = study.prepared.labels("validation")
    score = balanced(labels, (outcome.held_out.argmax(1) == torch.from_numpy(labels)).numpy())
    file.parent.mkdir(exist_ok=True)
    partial = file.with_name(f".{file.stem}.partial.npy")
    np.save(partial, np.array(score), allow_pickle=False)
    partial.replace(file)
    shutil.rmtree(own.path, ignore_errors=True)
    return score
