"""`Scores` of every kind of metric: how well something does on a test, with one network or with those of several seeds.

All of them are paired: `minus` compares the same examples, seed by seed. What one network has by itself gets an
interval that suits the metric; differences, and whatever has several seeds, get that of `evidence.effects`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engines.contract import Estimate
from engines.evidence import bootstrap, intervals
from engines.evidence.bootstrap import Value
from engines.evidence.effects import LEVEL, Effects, influence
from engines.evidence.verdict import FEWEST_A_CLASS
from engines.messages import _, _n

ONE_ARM = 0.5**0.5
"""How much one learner varies over seeds, of what the difference of two does."""


@dataclass(frozen=True)
class Accuracies:
    """Balanced accuracy of a classifier; one network's interval is that of `evidence.intervals`."""

    labels: np.ndarray
    """int64 (N,)"""
    outcomes: Sequence[np.ndarray]
    """float (N,) a seed: 1 where it was right, 0 where it was wrong, nan where it was not asked."""
    groups: np.ndarray | None = None
    """int64 (N,): what is drawn together, such as the clips of one speaker."""

    @property
    def asked(self) -> np.ndarray:
        """int64 (M,): the examples that every seed was asked."""
        return np.flatnonzero(np.isfinite(np.stack(self.outcomes)).all(0))

    @property
    def n(self) -> int:
        return len(self.asked)

    @property
    def too_few(self) -> str:
        """Why a test with so few examples of some class decides nothing; empty where it has enough."""
        least = min(Counter(self.labels[self.asked].tolist()).values(), default=0)
        if least >= FEWEST_A_CLASS:
            return ""
        has = _n("{n} test example", "{n} test examples", least)
        return _(
            "one class has {has}, and it takes {fewest_a_class} of each to say more",
            has=has,
            fewest_a_class=FEWEST_A_CLASS,
        )

    def on(self, at: np.ndarray) -> Accuracies:
        """On the examples at these positions alone."""
        groups = None if self.groups is None else self.groups[at]
        return Accuracies(self.labels[at], [outcome[at] for outcome in self.outcomes], groups)

    def effects(self) -> Effects:
        """Of the examples that were asked."""
        asked = self.on(self.asked)
        kinds, of, counts = np.unique(asked.labels, return_inverse=True, return_counts=True)
        groups = np.arange(asked.n) if asked.groups is None else asked.groups
        return Effects(np.stack(asked.outcomes), 1 / (len(kinds) * counts[of]), asked.labels, groups)

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        if len(self.outcomes) == 1:
            at = self.asked
            return intervals.balanced_accuracy(self.labels[at], self.outcomes[0][at] == 1)
        found = replace(self.effects(), unit=ONE_ARM).interval(learnt_from=learnt_from)
        return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0), found.n, found.seeds)

    def minus(self, other: Accuracies, *, learnt_from: int = 0, level: float = LEVEL) -> Estimate:
        at = np.intersect1d(self.asked, other.asked)
        apart = self.on(at).effects().minus(other.on(at).effects())
        return apart.interval(learnt_from=learnt_from, level=level)


@dataclass(frozen=True)
class Sums:
    """A metric that is a function of sums over examples, such as perplexity or word error rate."""

    outcomes: Sequence[np.ndarray]
    """float (N, K) a seed: what is added up, a row an example."""
    value: Value
    too_few: str = ""

    @property
    def n(self) -> int:
        return len(self.outcomes[0])

    @cached_property
    def influences(self) -> np.ndarray:
        """float (S, N): of each example on each seed's metric."""
        rows = []
        for one in self.outcomes:
            total = one.sum(0)
            without = np.array([self.value(total - row) for row in one]) if len(one) > 1 else np.array([np.nan])
            rows.append(influence(one, self.value(total), np.where(np.isfinite(without), without, self.value(total))))
        return np.stack(rows)

    def effects(self) -> Effects:
        return Effects.alike(self.influences)

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        if len(self.outcomes) == 1:
            return bootstrap.estimate(self.outcomes[0], self.value)
        effects = self.effects()
        return replace(effects, unit=effects.unit * ONE_ARM).interval(learnt_from=learnt_from)

    def minus(self, other: Sums, *, learnt_from: int = 0, level: float = LEVEL) -> Estimate:
        return self.effects().minus(other.effects()).interval(learnt_from=learnt_from, level=level)


@dataclass(frozen=True)
class Means:
    """A mean over forecasts, whose interval comes from drawing series and points in time anew."""

    outcomes: Sequence[np.ndarray]
    """float (F,) a seed: the error of each forecast; nan where nothing can be compared."""
    counts: np.ndarray
    """int64 (D, F): how often each forecast counts in each draw."""
    n: int
    """What the test is said to hold: values, not forecasts."""
    clusters: int
    """Of how many independent pieces a draw is made: points in time, or series where there are fewer of these."""
    too_few: str = ""

    def effects(self, at: np.ndarray | None = None) -> Effects:
        """Of the forecasts at these positions, or of those that every seed can be compared on."""
        at = self.known if at is None else at
        alike = Effects.alike(np.stack(self.outcomes)[:, at])
        return replace(alike, draws=self.counts[:, at], clusters=self.clusters)

    @property
    def known(self) -> np.ndarray:
        """int64 (M,): the forecasts that every seed can be compared on."""
        return np.flatnonzero(np.isfinite(np.stack(self.outcomes)).all(0))

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        if len(self.outcomes) == 1:
            return bootstrap.mean(self.outcomes[0], None, self.counts, self.n)
        return self.effects().interval(learnt_from=learnt_from, n=self.n)

    def minus(self, other: Means, *, learnt_from: int = 0, level: float = LEVEL) -> Estimate:
        at = np.intersect1d(self.known, other.known)
        if not len(at):
            return Estimate(float("nan"), float("nan"), float("nan"), self.n, len(self.outcomes))
        apart = self.effects(at).minus(other.effects(at))
        return apart.interval(learnt_from=learnt_from, n=self.n, level=level)


@dataclass(frozen=True)
class Returns:
    """The mean return of policies, one a seed, over the episodes that each was judged on.

    Episode i of seed s is the same world for all. Seeds differ far more than any usual variance says, and each has
    worlds of its own: of several, the interval is Student's t over seeds; of one, over its episodes.
    """

    outcomes: Sequence[np.ndarray]
    """float64 (episodes,) a seed, all of the same length."""
    too_few: str = ""

    @property
    def n(self) -> int:
        return sum(map(len, self.outcomes))

    def effects(self) -> Effects:
        return replace(Effects.alike(np.stack(self.outcomes)), seeds_alone=True)

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        return self.effects().interval(learnt_from=learnt_from)

    def minus(self, other: Returns, *, learnt_from: int = 0, level: float = LEVEL) -> Estimate:
        return self.effects().minus(other.effects()).interval(learnt_from=learnt_from, level=level)
