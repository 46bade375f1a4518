"""Whether the best of many trials is better than the default, or only the luckiest.

The best of many looks better than it is. White 2000, 'A reality check for data snooping': the examples are drawn anew,
and in each draw it is asked how far ahead of the default the luckiest of all trials would have come if none were any
better; the winner has to be ahead of nearly all of these. Differences are taken in units of their own spread, as Hansen
2005, 'A test for superior predictive ability', has it, so that a trial that varies wildly does not set the bar for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engines.contract import Scores
from engines.evidence.effects import Effects

DRAWS, AT_ONCE = 2_000, 100
USUAL = 0.5
"""Where the luckiest of equals comes as far in more draws than this, being ahead says nothing: the default stays."""
LEVEL = 0.05
"""How often a search of nothing but equals may have its winner confirmed."""


@dataclass(frozen=True)
class Confirmed:
    """What the examples that choose say of the winner."""

    sure: bool
    p: float
    """How often the luckiest of trials that are no better than the default comes as far ahead of it."""
    trials: int
    """That the winner was the best of, the default not counted."""
    n: int
    """Examples that choose."""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def confirmed(
    default: Scores, others: Sequence[Scores], winner: int, *, higher_is_better: bool, seed: int
) -> Confirmed:
    """`others`: every trial that came to the end, but the default; `winner` is one of these. All are of the same
    examples, one seed each."""
    base: Effects = default.effects()
    gains = np.stack([_gains(base, each.effects(), higher_is_better=higher_is_better) for each in others])  # (K, N)
    weights, rng = base.weights, np.random.default_rng(seed)
    ahead = gains @ weights  # (K,)
    apart = np.concatenate([_drawn(base, gains, rng) for _ in range(DRAWS // AT_ONCE)]) - ahead  # (D, K)
    # one example more that does not agree with the rest could have been drawn, however alike those here are
    spread = np.hypot(apart.std(0), np.abs(gains).max() * float((weights**2).sum()) or 1.0)
    luckiest = (apart / spread).max(1)
    p = (1 + int((luckiest >= ahead[winner] / spread[winner]).sum())) / (1 + len(luckiest))
    return Confirmed(bool(ahead[winner] > 0 and p <= LEVEL), p, len(others), default.n)


def _drawn(base: Effects, gains: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float (up to AT_ONCE, K): each trial's gain on examples that are drawn anew."""
    counts = base.drawn(AT_ONCE, rng) * base.weights  # (D, N)
    total = counts.sum(1)
    found: np.ndarray = (counts @ gains.T)[total > 0] / total[total > 0, None]
    return found


def _gains(base: Effects, other: Effects, *, higher_is_better: bool) -> np.ndarray:
    """float (N,): by how much each example is better than with the default; of several seeds, on average."""
    apart = (other.values - base.values).mean(0)
    apart = np.where(np.isfinite(apart), apart, 0.0)
    return apart if higher_is_better else -apart
