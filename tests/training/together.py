"""Trainings that two processes do together, for the tests of that. Here, because a fresh process imports it by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from engines.contract import Strategy
from engines.training import strategies
from engines.training.loop import train
from engines.training.parallel import group
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from tests.training import toys
from tests.training.toys import Notebook, Rows

SETTINGS = TrainSettings(batch_size=8, label_smoothing=0.0, device="cpu", mixed_precision="no", lora_rank=2, blocks=1)


class Weighed(Rows):
    """Rows of which some count for more than others, as texts of more tokens do."""

    def weight(self, indices: torch.Tensor) -> float:
        return float((1 + indices % 3).sum())


def weighed_loss(logits: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """The mean over what counts; a row's label says here how much that is."""
    weights = 1.0 + of[:, 1]
    return (F.cross_entropy(logits, of[:, 0], reduction="none") * weights).sum() / weights.sum()


class WithWeights(Weighed):
    def targets(self, indices: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.labels[indices], indices % 3], dim=1)


def mixed(inputs: Any, labels: Any, generator: torch.Generator) -> Any:
    """Each input with half of another one."""
    other = torch.randperm(len(inputs), generator=generator)
    return (inputs + inputs[other]) / 2, labels


CASES: dict[str, dict[str, Any]] = {
    "partial": {"strategy": Strategy.PARTIAL},
    "full, the last batch smaller than the others": {"strategy": Strategy.FULL},
    "adapters": {"strategy": Strategy.LORA},
    "a batch of one example": {"strategy": Strategy.FULL, "batch_size": 7},
    "gathered over three batches": {"strategy": Strategy.FULL, "batch_size": 3, "gradient_accumulation": 3},
    "inputs drawn by chance, and mixed": {"strategy": Strategy.FULL, "noise": 0.3, "mix": mixed},
    "stages one after another": {"strategy": Strategy.FULL, "gradual": True},
    "examples that weigh differently, and no metric": {"strategy": Strategy.FULL, "weighed": True},
    "a head alone": {"strategy": Strategy.FEATURES},
    "batch norms that learn": {"strategy": Strategy.SCRATCH},
}


def behind(network: Staged, rows: Rows) -> Rows:
    """The rows as the frozen part hands them on."""
    with torch.no_grad():
        return replace(rows, inputs=network.eval().run(rows.inputs, 0, network.boundary))


def trained(case: str, path: Path) -> dict[str, Any]:
    """What a training tells, and the network's weights behind it."""
    options = dict(CASES[case])
    strategy, mix, noise = options.pop("strategy"), options.pop("mix", None), options.pop("noise", 0.0)
    weighed = options.pop("weighed", False)
    settings, run, network = replace(SETTINGS, **options), Notebook(path / case.replace(" ", "-")), toys.staged()
    torch.manual_seed(1)
    strategies.apply(network, strategy, settings)
    rows, checks = toys.rows(22, noise=noise), toys.rows(9, seed=1)
    if network.boundary:
        rows, checks = (behind(network, one) for one in (rows, checks))
    if weighed:
        rows, checks = (WithWeights(one.inputs, one.labels) for one in (rows, checks))
    progress = train(
        network,
        toys.plan(strategy=strategy, phase=strategy, epochs=3),
        rows,
        checks,
        settings,
        loss=weighed_loss if weighed else F.cross_entropy,
        metric=None if weighed else toys.accuracy,
        mix=mix,
        run=run,
        accelerator=toys.on_cpu(),
        seed=5,
        unit="rows",
    )
    state = {name: tensor.numpy().copy() for name, tensor in network.model.state_dict().items()}
    return {"history": progress.history, "state": state, "told": len(run.epochs()), "at": str(run.path)}


def every_case(rank: int, place: Path, answers: Any) -> None:
    torch.set_num_threads(1)
    group.join(place, rank, 2)
    with group.joint():
        assert (group.size(), group.rank()) == (2, rank)
        answers.put((rank, {case: trained(case, place / str(rank)) for case in CASES}))
    answers.close()
    answers.join_thread()
    group.leave()
