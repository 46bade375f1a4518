"""One strategy, tried on a classifier's data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from engines.classification.cross_validation import OfFolds
from engines.evidence.scores import Accuracies
from engines.training.checkpoint import Progress
from engines.training.transfer import TrainOutcome, TrainSpec


@dataclass
class ClassificationTrial:
    """One strategy, trained and asked about the test examples."""

    spec: TrainSpec
    outcome: TrainOutcome | None
    """The network that is kept; None of a baseline in folds, which leaves none."""
    logits: np.ndarray
    """float32 (N, C) on the test examples; NaN for what a baseline in folds was not asked."""
    labels: np.ndarray
    """int64 (N,)"""
    progress: Progress
    seconds: float
    temperatures: np.ndarray | None = None
    """float (N, 1), where each example has one of its own."""
    in_folds: OfFolds | None = None
    groups: np.ndarray | None = None
    """int64 (N,): what of the test is drawn together."""

    @cached_property
    def scores(self) -> Accuracies:
        right = np.where(np.isfinite(self.logits[:, 0]), self.logits.argmax(1) == self.labels, np.nan)
        return Accuracies(self.labels, [right], self.groups)

    @property
    def kept(self) -> TrainOutcome:
        assert self.outcome is not None
        return self.outcome

    @property
    def trainable(self) -> int:
        return self.kept.trainable

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.kept.network.model.parameters())

    def state(self) -> dict[str, Tensor]:
        return {name: p.detach().cpu() for name, p in self.kept.network.trainable().items()}
