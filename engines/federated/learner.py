"""The network that learns in rounds, and what all agree on before the first: the same at a site, with whoever leads,
and in a trial of it in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from engines.contract import Strategy
from engines.federated import rounds
from engines.federated.rounds import Plan
from engines.training import heads, strategies, transfer
from engines.training.checkpoint import Progress
from engines.training.devices import seed_everything
from engines.training.examples import LabelledExamples
from engines.training.transfer import TrainOutcome

SMALLEST = 1e-3
"""Of a feature's standard deviation, as in `heads.standardisation`."""


@dataclass(frozen=True)
class Moments:
    """What a site adds up of its features, so that all can bring theirs to one scale."""

    n: int
    mean: Tensor
    """float64 (D,)"""
    spread: Tensor
    """float64 (D,): the sum of squares about the mean."""

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """features: float (N, D), N > 0."""
        seen = features.double()
        mean = seen.mean(0)
        return cls(len(seen), mean, (seen - mean).square().sum(0))


@dataclass(frozen=True)
class Terms:
    """What follows from what every site tells beforehand."""

    weights: Tensor
    """float32 (C,): of each class."""
    shift: Tensor | None = None
    """float32 (D,): taken off features; None where more than a head learns."""
    scale: Tensor | None = None
    """float32 (D,): what they are divided by."""

    @classmethod
    def of(cls, counts: Tensor, moments: Sequence[Moments | None], *, balance: bool) -> Terms:
        """counts: int64 (sites, C). In the order of the sites: sums are rounded as they are added."""
        labels = torch.repeat_interleave(torch.arange(counts.shape[1]), counts.sum(0))
        weights = transfer.class_weights(labels, counts.shape[1]) if balance else torch.ones(counts.shape[1])
        known = [one for one in moments if one is not None]
        if not known:
            return cls(weights)
        n = sum(one.n for one in known)
        mean = torch.stack([one.n * one.mean for one in known]).sum(0) / n
        within = torch.stack([one.spread + one.n * (one.mean - mean).square() for one in known]).sum(0)
        deviation = (within / max(n - 1, 1)).sqrt().clamp_min(SMALLEST)
        return cls(weights, mean.float(), deviation.float())

    def scaled(self, seen: Any) -> Any:
        """Examples behind the boundary, brought to the scale of all."""
        if self.shift is None or self.scale is None:
            return seen
        return replace(seen, activations=(seen.activations - self.shift) / self.scale)


class Learner:
    """The study's network, where all start, and how the study's examples reach what of it learns."""

    def __init__(self, study: Any, strategy: Strategy):
        self.study, self.strategy = study, strategy
        self.spec = study.train_spec(study.settings, study.recipe.seed, study.run)
        self.network = self.spec.build(strategy is not Strategy.SCRATCH).to(self.spec.on.device)
        seed_everything(study.recipe.seed, "adapters")
        strategies.apply(self.network, strategy, study.settings)
        if strategy is Strategy.FEATURES:
            heads.reset(self.network.head())
        self.rate = study.settings.learning_rate_for(strategy)

    def seen(self, examples: LabelledExamples, views: int = 1) -> Any:
        """As they are behind the frozen part."""
        if not self.network.boundary:
            return examples
        return transfer.cached_behind_boundary(self.spec, self.network, examples, views=views)

    def moments(self, seen: Any) -> Moments | None:
        """Of examples that it has seen; None where more than a head learns."""
        return Moments.of(seen.activations[:, 0]) if self.strategy is Strategy.FEATURES else None

    def plan(
        self, count: int, algorithm: str, lose: frozenset[tuple[int, int]] = frozenset(), patience: float = 0.0
    ) -> Plan:
        passes, seed = rounds.passes_of(self.strategy), self.study.recipe.seed
        return Plan(count, algorithm, self.strategy, self.rate, passes, seed, lose, patience)

    def outcome(self, terms: Terms, seconds: float) -> TrainOutcome:
        """The network as it is kept: it reads features as they are, and has no adapters beside it."""
        if terms.shift is not None and terms.scale is not None:
            heads.fold(self.network.head(), terms.shift, terms.scale)
        learning = transfer.trainable(self.network)
        strategies.merge_adapters(self.network)
        return TrainOutcome(
            self.network, Progress(), learning, seconds, self.rate, pretrained=self.strategy is not Strategy.SCRATCH
        )
