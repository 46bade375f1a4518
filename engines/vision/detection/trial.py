"""One strategy of a detector, tried once."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from engines.training.checkpoint import Progress
from engines.training.loop import learnt
from engines.training.staged import Staged, count
from engines.training.transfer import TrainOutcome
from engines.vision.detection.evaluation.metrics import Found, Matches, Precisions
from engines.vision.detection.train import TrainSpec


@dataclass
class DetectionTrial:
    """What was found on the test, and how well. See `contract.Trial`."""

    spec: TrainSpec
    outcome: TrainOutcome
    found: list[Found]
    matches: Matches
    scores: Precisions

    @property
    def network(self) -> Staged:
        return self.outcome.network

    @property
    def progress(self) -> Progress:
        return self.outcome.progress

    @property
    def trainable(self) -> int:
        return self.outcome.trainable

    @property
    def parameters(self) -> int:
        return count(self.network.parameters())

    @property
    def seconds(self) -> float:
        return self.outcome.seconds

    def state(self) -> dict[str, Tensor]:
        return {name: tensor.detach().cpu() for name, tensor in learnt(self.network).items()}
