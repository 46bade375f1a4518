"""From a difference with its interval to a word: one rule for every domain and metric.

What may be said, and what not: a word of one seed speaks of two networks, never of a way of training; nothing is said
of a test with fewer than FEWEST_A_CLASS examples of some class; no difference is said to be none because a test was too
small to show it.
"""

from __future__ import annotations

import math

from engines.contract import Estimate, Metric, Scope, Scores, Side, Verdict, Word
from engines.evidence.effects import LEVEL, PRIOR_SEEDS, usual_seed_sd
from engines.evidence.quantiles import normal, student

FEWEST_A_CLASS = 5
POINTS = 0.03
"""A difference of shares that is not worth having; of other metrics, that part of what the other one has."""
DISAGREE = 0.2
"""How often two learners differ on a test example, where nothing is known of them yet."""
WORDS: dict[Side, Word] = {"better": "pays", "worse": "hurts", "close": "no_difference", "unclear": "undecided"}


def compared(
    ours: Scores, theirs: Scores, against: str, metric: Metric, *, learnt_from: int = 0, level: float = LEVEL
) -> Verdict:
    """Ours against theirs on one test. `learnt_from` and `level` as `Scores.minus` has them."""
    difference = ours.minus(theirs, learnt_from=learnt_from, level=level)
    worth = margin(metric.kind == "share", theirs.estimate().value)
    return judge(difference, against, higher_is_better=metric.higher_is_better, worth=worth, reason=ours.too_few)


def judge(
    difference: Estimate, against: str, *, higher_is_better: bool, worth: float = 0.0, reason: str = ""
) -> Verdict:
    """What `difference`, ours minus theirs, says. A smaller one than `worth` (see `margin`) is none worth having;
    `reason` is why nothing may be claimed, where that is so ('one class has 3 test examples')."""
    side = _side(difference, worth, higher_is_better)
    scope: Scope = "training" if difference.seeds > 1 else "networks"
    word = None if scope == "networks" else "undecided" if reason else WORDS[side]
    return Verdict(word, difference, against, side, scope, reason)


def _side(d: Estimate, worth: float, higher_is_better: bool) -> Side:
    if -worth < d.low and d.high < worth:
        return "close"
    if d.low > 0 or d.high < 0:
        return "better" if (d.low > 0) == higher_is_better else "worse"
    return "unclear"


def margin(is_share: bool, rival: float) -> float:
    """The largest difference not worth having, in the metric's unit: POINTS of a share, else that part of what the
    other has; 0 where that is not known."""
    if is_share:
        return POINTS
    return POINTS * abs(rival) if math.isfinite(rival) else 0.0


def showable(n: float, *, seeds: int, learnt_from: int) -> float:
    """The smallest true gain of a share that a test of `n` examples shows four times in five, before anything is
    trained: paired examples of which DISAGREE differ, and seeds that vary as usual. One seed is about its networks."""
    items, seed = DISAGREE / max(1.0, n), usual_seed_sd(learnt_from) ** 2 / seeds if seeds > 1 else 0.0
    df = (items + seed) ** 2 / (items**2 / max(1.0, n - 1) + seed**2 / (PRIOR_SEEDS + seeds - 1))
    spread = math.sqrt(items + seed + (n + 2) ** -2)
    return (student(max(df, 3.0), 0.975) + normal(0.8)) * spread


def needed(gain: float, *, seeds: int, learnt_from: int) -> int | None:
    """Test examples by which a true gain of that size shows (see `showable`); None where no test would do."""
    for n in (10 * 2 ** (k / 4) for k in range(60)):
        if showable(n, seeds=seeds, learnt_from=learnt_from) <= gain:
            return math.ceil(n)
    return None


def apart(ours: Estimate, theirs: Estimate) -> Estimate:
    """Ours minus theirs from nothing but their own intervals, taken as independent (Newcombe 1998, method 10).

    Where both were tested on the same examples, a paired interval is narrower: this one decides less, never more.
    """
    value = ours.value - theirs.value
    low = math.hypot(ours.value - ours.low, theirs.high - theirs.value)
    high = math.hypot(ours.high - ours.value, theirs.value - theirs.low)
    return Estimate(value, value - low, value + high, min(ours.n, theirs.n), min(ours.seeds, theirs.seeds))
