"""Which model, and which depth of it, fits a classifier's data: see `evidence.ranking`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.classification.depths import at_each_depth
from engines.classification.fit import ClassificationStudy
from engines.contract import InputError, Problem, Recipe, Run, Task
from engines.evidence import budgets, mismatch, ranking
from engines.evidence.ranking import ENOUGH_SECONDS, MOST_EXAMPLES, Candidate
from engines.messages import _

MOST_DEPTHS = 13
"""Of one network: its neighbours in depth hardly differ, and every one of them has to be told from all others."""
FOR_CHANCE_SECONDS = 12.0
"""What the network with random weights may take once the candidates are in order."""
Few = tuple[torch.Tensor, np.ndarray, np.ndarray]
"""Positions among the training examples, their labels, and their groups as numbers."""


def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`. Raises InputError where a class has fewer than two examples that differ."""
    began = time.monotonic()
    cards = ranking.here(task, models)
    study = _study(task, recipe, cards[0].name, run)
    positions, labels, groups = _drawn(study, recipe.seed)
    examples = len(positions) * (len(cards) + 1)
    took: dict[str, float] = {}

    def seen(study: ClassificationStudy[Any, Any], pretrained: bool) -> tuple[list[np.ndarray], float | None]:
        """What the network sees behind each stage, and how far it is from what it learnt on."""
        start = time.monotonic()
        before, at = len(took) * len(positions), 0

        def step(more: int) -> None:
            nonlocal at
            at += more
            run.emit("progress", phase="ranking", done=min(before + at, examples), total=examples)
            now = time.monotonic()
            done_by = start + (now - start) * len(positions) / at if 2 * at >= len(positions) else now
            if took and done_by > (began + ENOUGH_SECONDS if pretrained else start + FOR_CHANCE_SECONDS):
                raise _TooSlow

        network = study.build(pretrained=pretrained, seed=recipe.seed)
        with mismatch.batch_norm_gap(network) as gap:
            own = at_each_depth(network, study.prepared.part("train").subset(positions), study.on.device, step)
        took[f"{study.card.name}, {pretrained}"] = time.monotonic() - start
        return own, gap()

    candidates: list[Candidate] = []
    gaps: dict[str, float | None] = {}
    left_out = []
    for card in cards:
        try:
            study = study if card.name == study.card.name else _study(task, recipe, card.name, run)
            behind, gaps[card.name] = seen(study, pretrained=True)
        except _TooSlow:
            left_out.append(card.name)
            continue
        candidates += [Candidate(card.name, depth, len(behind), behind[depth - 1]) for depth in some(len(behind))]

    def random(name: str) -> list[np.ndarray]:
        try:
            return seen(study if name == study.card.name else _study(task, recipe, name, run), pretrained=False)[0]
        except _TooSlow:
            return []

    found = ranking.by_features(candidates, random, labels, groups, seed=recipe.seed)
    run.emit("progress", phase="ranking", done=examples, total=examples)
    first = found["models"][0]["name"]
    return found | {
        "mismatch": mismatch.placed(
            gaps[first], "batch_norm_gap", first, source=_("what {title} learnt on", title=task.describe(first).title)
        ),
        "n": len(labels),
        "classes": len(np.unique(labels)),
        "unit": study.info.unit,
        "sha256": study.sha256,
        "left_out": left_out,
    }


class _TooSlow(Exception):
    """A network that would keep whoever has asked waiting."""


def some(stages: int) -> list[int]:
    """The depths that are compared: all, or `MOST_DEPTHS` of a deep network, spread evenly, the last among them."""
    return sorted(set(np.linspace(stages, 1, min(stages, MOST_DEPTHS)).round().astype(int).tolist()))


def _study(task: Task, recipe: Recipe, model: str, run: Run) -> ClassificationStudy[Any, Any]:
    study = task.open(replace(recipe, model=model), run)
    assert isinstance(study, ClassificationStudy)
    return study


def _drawn(study: ClassificationStudy[Any, Any], seed: int) -> Few:
    """At most `MOST_EXAMPLES` of the training part, in proportion to the classes."""
    prepared, where = study.prepared, Path(study.recipe.data).name
    labels = prepared.labels("train")
    chosen = np.array(budgets.drawn(labels.tolist(), min(MOST_EXAMPLES, len(labels)), seed))
    groups = [prepared.groups[i] for i in prepared.parts["train"][chosen]]
    numbered = np.unique(groups, return_inverse=True)[1]
    for label in np.unique(labels):
        if len(np.unique(numbered[labels[chosen] == label])) < 2:
            name, unit = prepared.classes[int(label)], study.info.unit
            found = _("class {name!r} has fewer than two different {unit} to learn from", name=name, unit=unit)
            raise InputError(Problem(where, found, _("accepted: at least two a class")))
    if len(np.unique(labels)) < 2:
        raise InputError(Problem(where, _("only one class is to be learnt from"), _("accepted: two or more")))
    return torch.from_numpy(chosen), labels[chosen], numbered
