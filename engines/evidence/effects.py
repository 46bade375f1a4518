"""One interval for every metric and domain: test items crossed with seeds.

A test item's effect is what it adds to the metric of one seed, or to the difference of two learners under that seed.
Items are a draw of the data that the model will meet, seeds a draw of the trainings that the recipe could have had;
both make the mean vary. Variances of crossed random effects: Cornfield & Tukey 1956; Owen 2007, 'The pigeonhole
bootstrap'. Few seeds say little of how much seeds vary, so their variance is shrunk towards what such trainings
usually have (Smyth 2004, 'Linear models and empirical Bayes methods'), never below what was seen; degrees of freedom
after Satterthwaite 1946. That seeds have to be counted at all: Bouthillier et al. 2021, 'Accounting for variance in
machine learning benchmarks'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from engines.contract import Estimate

PRIOR_SEEDS = 4
"""How many degrees of freedom the usual seed variance counts as much as."""
LARGEST_PRIOR, PRIOR_AT_ONE_LABEL = 0.10, 0.35
"""The usual standard deviation of a difference over seeds is min(.10, .35 / √labels), in units of `Effects.unit`: near
the upper edge of what 34 pairs of frozen and trained classifiers had. Of other metrics it is taken over."""
LEVEL = 0.95
LOOKS_LEVEL = 0.983
"""At which each of up to five looks is taken, after 2 to 6 seeds: together they err about as often as one at .95."""


@dataclass(frozen=True)
class Effects:
    """What each test item adds, a row a seed."""

    values: np.ndarray
    """float (S, N)"""
    weights: np.ndarray
    """float (N,), of sum 1: a seed's metric is the weighted sum of its row."""
    strata: np.ndarray
    """int (N,): items are drawn within these, such as classes."""
    groups: np.ndarray
    """int (N,): items of one group are drawn together, such as the clips of one speaker."""
    unit: float = 1.0
    """The scale of an effect: 1 of right or wrong, else twice the standard deviation over items."""
    draws: np.ndarray | None = None
    """int (D, N): how often each item counts when items are drawn anew, where they hang together in more than one way;
    then these say how much items make the mean vary, not strata and groups."""
    clusters: int = 0
    """With `draws`: of how many independent pieces they are made."""
    seeds_alone: bool = False
    """Whether every seed has items of its own, so that seeds are all that is drawn."""

    @classmethod
    def alike(cls, values: np.ndarray, unit: float | None = None) -> Effects:
        """Of items that all count the same and hang together in no way. values: float (S, N)."""
        n = values.shape[1]
        scale = 2 * float(values.std()) if unit is None else unit
        return cls(values, np.full(n, 1 / n), np.zeros(n, dtype=np.int64), np.arange(n), scale)

    @classmethod
    def over_seeds(cls, values: np.ndarray) -> Effects:
        """Of one number a seed, float (S,), where nothing else is drawn."""
        return replace(cls.alike(np.reshape(values, (-1, 1))), seeds_alone=True)

    @property
    def by_seed(self) -> np.ndarray:
        """float (S,): each seed's metric."""
        return self.values @ self.weights

    def interval(self, *, learnt_from: int = 0, n: int | None = None, level: float = LEVEL) -> Estimate:
        """The mean over seeds with its interval: of one seed over items alone, of several over items and seeds.

        `learnt_from`: labels that each training had, by which the usual seed variance is known; 0 where there is no
        telling, and it counts as that of one label. `n`: test examples, where these are not the items.
        """
        seeds, count = self.values.shape
        means = self.by_seed
        value = float(means.mean())
        if self.seeds_alone and seeds > 1:
            half = _half(means.var(ddof=1) / seeds, seeds - 1, level)
            return Estimate(value, value - half, value + half, n or count * seeds, seeds)
        items, df_items = self._over_items()
        of_seeds, df_seeds = self._over_seeds(means, learnt_from) if seeds > 1 else 0.0, PRIOR_SEEDS + seeds - 1
        # a test in which all items agree is not certain: one more that does not could have been drawn
        unseen = (self.unit / (1 / (self.weights**2).sum() + 2)) ** 2
        of_seeds /= seeds
        total = items + of_seeds
        df = total**2 / (items**2 / df_items + of_seeds**2 / df_seeds) if total > 0 else df_items
        half = _half(total + unseen, df, level)
        return Estimate(value, value - half, value + half, n or count, seeds)

    def _over_items(self) -> tuple[float, float]:
        """The variance of the mean over draws of the items, and its degrees of freedom."""
        mean = self.values.mean(0)
        if self.draws is not None:
            below = self.draws @ self.weights
            drawn = (self.draws @ (self.weights * mean))[below > 0] / below[below > 0]
            pieces = max(self.clusters, 2)
            return float(drawn.var() * pieces / (pieces - 1)), pieces - 1
        parts = []
        for stratum in np.unique(self.strata):
            here = self.strata == stratum
            weights = self.weights[here]
            off = weights * (mean[here] - (weights @ mean[here]) / weights.sum())
            totals = np.bincount(np.unique(self.groups[here], return_inverse=True)[1], weights=off)
            if len(totals) > 1:
                parts.append((len(totals) / (len(totals) - 1) * float(totals @ totals), len(totals) - 1))
        total = sum(variance for variance, _ in parts)
        if not total:
            return 0.0, max(1, len(self.strata) - 1)
        return total, total**2 / sum(variance**2 / df for variance, df in parts)

    def _over_seeds(self, means: np.ndarray, learnt_from: int) -> float:
        """The variance of one seed's mean: what seeds differ by beyond what the items in them do by chance, shrunk
        towards the usual one; but never below what was seen, for some trainings vary far more than is usual."""
        seeds = len(means)
        apart = self.values - means[:, None]
        by_chance = float((self.weights**2) @ apart.var(0, ddof=1))
        seen = max(0.0, float(means.var(ddof=1)) - by_chance)
        usual = (self.unit * usual_seed_sd(learnt_from)) ** 2
        return max(seen, (PRIOR_SEEDS * usual + (seeds - 1) * seen) / (PRIOR_SEEDS + seeds - 1))

    def drawn(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """float (draws, N): how often each item counts when items are drawn anew."""
        if self.draws is not None:
            return self.draws[rng.integers(len(self.draws), size=draws)].astype(float)
        counts = np.zeros((draws, len(self.strata)))
        for stratum in np.unique(self.strata):
            here = np.flatnonzero(self.strata == stratum)
            groups = np.unique(self.groups[here], return_inverse=True)[1]
            many = int(groups.max()) + 1
            counts[:, here] = rng.multinomial(many, np.full(many, 1 / many), size=draws)[:, groups]
        return counts

    def minus(self, other: Effects) -> Effects:
        """The difference, item by item and seed by seed; both have the same items."""
        apart = self.values - other.values
        unit = self.unit if self.unit == 1 else 2 * float(apart.std())
        return replace(self, values=apart, unit=unit)


def usual_seed_sd(learnt_from: int) -> float:
    """The standard deviation over seeds that a difference usually has, after so many labels; for right or wrong."""
    return min(LARGEST_PRIOR, PRIOR_AT_ONE_LABEL / math.sqrt(max(1, learnt_from)))


def influence(statistics: np.ndarray, value: float, without: np.ndarray) -> np.ndarray:
    """float (N,): jackknife pseudo-values of a metric that is a function of sums over examples, moved so that their
    mean is the metric itself (Efron & Tibshirani 1993, section 11). `without`: float (N,), the metric without each
    example in turn; `statistics` float (N, K) only tells how many there are."""
    n = len(statistics)
    pseudo = n * value - (n - 1) * without
    return pseudo - pseudo.mean() + value


def _half(variance: float, df: float, level: float) -> float:
    from scipy.special import stdtrit  # not by pages, which judge what is measured already

    return float(stdtrit(df, (1 + level) / 2)) * math.sqrt(variance)
