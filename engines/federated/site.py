"""A site that learns with others: it answers an order, a file, by a file. What lies in its folder stays there.

'summary', before the first round, tells how many examples there are of each class and, where a head alone learns, mean
and spread of every feature. 'learn' is a round: what the site makes of what all have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.contract import InputError, Problem, Recipe, Run, Strategy, Task
from engines.federated import opening, rounds, wire
from engines.federated.asked import NAMES, STRATEGIES
from engines.federated.learner import Learner, Terms
from engines.federated.rounds import State
from engines.messages import _

FEW = 5
"""Examples below which what a site tells of all of them nearly is these."""
ORDER = ("task", "model", "strategy", "seed", "settings", "sites", "round", "algorithm", "classes")
"""What an order tells. `sites` and `classes` are empty in one for a summary."""


def order_in(path: Path) -> tuple[dict[str, Any], State]:
    """What an order tells, and its tensors. Raises InputError."""
    for kind in ("summary", "learn"):
        try:
            told, tensors = wire.read(path, kind, ORDER)
        except InputError:
            if kind == "learn":
                raise
            continue
        if told["strategy"] in STRATEGIES and told["algorithm"] in NAMES and isinstance(told["settings"], dict):
            return told, tensors
        break
    found = _("it asks for what is not known here")
    raise InputError(
        Problem(path.name, found, _("accepted: a file of the same version of Headstart, as it was written"))
    )


def answer(
    task: Task, recipe: Recipe, run: Run, told: dict[str, Any], tensors: State, name: str, out: Path
) -> dict[str, Any]:
    """Writes the answer `out` of the site `name`, whose data are the recipe's, to an order as `order_in` gives it;
    answers what it tells. Raises InputError."""
    study = opening.opened(task, recipe, run, Path(recipe.data))
    examples = study.prepared.part("test")
    if len(examples) < FEW:
        found = _("it has {n} examples with a class", n=len(examples))
        raise InputError(Problem(name, found, _("accepted: {few} or more", few=FEW)))
    if told["kind"] == "summary":
        summary, sums = _summary(study, recipe.strategy, name)
        wire.write(out, summary, sums)
        return summary
    if name not in told["sites"]:
        raise InputError(Problem(name, _("this federation does not know it"), ", ".join(map(str, told["sites"]))))
    opening.renumber(study, list(map(str, told["classes"])), name)
    learner = Learner(study, recipe.strategy)
    seen = _terms(learner, tensors, len(told["classes"])).scaled(
        learner.seen(study.prepared.part("test"), study.settings.views)
    )
    state = wire.below(tensors, "state")
    if not wire.fits(state, rounds.taken(learner.network)):
        found = _("what all have learnt does not fit the network here")
        raise InputError(Problem(name, found, _("accepted: the same version of Headstart at every site")))
    rounds.given(learner.network, state)
    number, site = int(told["round"]), told["sites"].index(name) + 1
    plan = learner.plan(number, told["algorithm"])
    weights, on = tensors["weights"], learner.spec.on.device
    rounds.learn(learner.network, seen, plan, study.settings, weights, on, rounds.seed_of(plan, number, site))
    learnt = {"kind": "learnt", "site": name, "n": len(examples), "round": number}
    wire.write(out, learnt, wire.named("state", rounds.taken(learner.network)))
    return learnt


def _summary(study: Any, strategy: Strategy, name: str) -> tuple[dict[str, Any], State]:
    examples, classes = study.prepared.part("test"), study.prepared.classes
    counts = np.bincount(examples.labels.numpy(), minlength=len(classes))
    told = {
        "kind": "summed",
        "site": name,
        "n": len(examples),
        "counts": {label: int(n) for label, n in zip(classes, counts, strict=True) if n},
        "backbone": opening.backbone(study.card),
        "input": study.input(),
    }
    learner = Learner(study, strategy)
    moments = learner.moments(learner.seen(examples, study.settings.views)) if learner.network.boundary else None
    return told, {"mean": moments.mean, "spread": moments.spread} if moments else {}


def _terms(learner: Learner, tensors: State, classes: int) -> Terms:
    """Raises InputError where an order's are not what they should be."""
    weights = wire.vector(tensors, "weights", classes, torch.float32)
    width, head_alone = learner.network.head().in_features, learner.strategy is Strategy.FEATURES
    shift = wire.vector(tensors, "shift", width, torch.float32) if head_alone else None
    scale = wire.vector(tensors, "scale", width, torch.float32) if head_alone else None
    if weights is None or (head_alone and (shift is None or scale is None)):
        found, accepted = (
            _("it lacks numbers"),
            _("accepted: a file of the same version of Headstart, as it was written"),
        )
        raise InputError(Problem(_("the order"), found, accepted))
    return Terms(weights, shift, scale)
