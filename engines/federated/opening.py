"""A classifier's data and network, for those who learn nothing by themselves: a site that adds up, whoever unites
sites.

A task that can be federated has a federate.py: `open_study(task, recipe, settings, run, data)` gives its study with all
labelled examples of `data`, none without, in the test part, whose `input()` names how examples become inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from engines import weights
from engines.classification.fit import ClassificationStudy
from engines.contract import Features, InputError, ModelCard, Problem, Recipe, Run, Task
from engines.data.class_names import as_known
from engines.federated.ridge import Head
from engines.messages import _
from engines.training import strategies, transfer
from engines.training.checkpoint import Progress
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome


class Opens(Protocol):
    """A task's federate.py."""

    def open_study(self, task: Task, recipe: Recipe, settings: Any, run: Run, data: Path | None) -> Any: ...


def verb_of(task: Task) -> Opens:
    """Raises InputError for a task that cannot be federated."""
    try:
        verb: Opens = task.verb("federate")
    except NotImplementedError:
        found = _("{title} has no head on a frozen network that sums would give", title=task.info.title)
        raise InputError(
            Problem(task.info.name, found, _("accepted: a classifier of pictures, texts or voices"))
        ) from None
    return verb


def opened(task: Task, recipe: Recipe, run: Run, data: Path | None) -> Any:
    """The study, with what is in `data`. Raises InputError and Cancelled."""
    study = verb_of(task).open_study(task, recipe, task.settings.parse(recipe.settings), run, data)
    study.compute()
    return study


def backbone(card: ModelCard) -> str:
    """SHA-256 of the model's weights, which are fetched where they are not here. Raises InputError where they cannot be
    had."""
    return weights.sha256(weights.fetch(card))


def seen(study: ClassificationStudy[Any, Any], part: str = "test") -> Features:
    """What the frozen network sees of a part."""
    found = study.features(part)
    assert found is not None  # a classifier's study always has some
    return found


def renumber(study: Any, classes: Sequence[str], where: str) -> None:
    """Gives the study the classes of all sites, in their order. Raises InputError where its examples have another
    one."""
    own, known = study.prepared.classes, list(classes)
    ways = as_known(own, known)
    if unknown := [name for name in own if ways.get(name, name) not in known]:
        found = _("class {name!r} is at no site", name=unknown[0])
        raise InputError(Problem(where, found, _("accepted: {classes}", classes=", ".join(known[:20]))))
    numbers = torch.tensor([known.index(ways.get(name, name)) for name in own], dtype=torch.int64)
    examples = study.prepared.examples
    if len(examples):
        examples.labels = numbers[examples.labels]
    study.prepared.classes = known


def with_head(study: ClassificationStudy[Any, Any], head: Head, variance: float, seconds: float = 0.0) -> TrainOutcome:
    """The study's frozen network with that head; its logits are the head's answers / variance."""
    network: Staged = study.build(pretrained=True, seed=study.recipe.seed, depth=study.settings.depth)
    network.to(study.on.device)
    strategies.apply(network, study.recipe.strategy, study.settings)
    with torch.no_grad():
        linear = network.head()
        linear.weight.copy_(torch.from_numpy(head.weight.T / variance))
        linear.bias.copy_(torch.from_numpy(head.bias / variance))
    return TrainOutcome(network, Progress(), transfer.trainable(network), seconds)


def within(head: Head, classes: Sequence[str]) -> np.ndarray:
    """int64 (C,): where each of the head's classes stands among these."""
    return np.array([list(classes).index(name) for name in head.classes])
