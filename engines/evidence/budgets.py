"""Which examples a learner gets when it may only have so many."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from engines.data.splits import split
from engines.messages import _

CHECKED = 0.2
"""The share of a budget that decides when to stop, of what has enough for that."""
FEWEST_CHECKED = 5
"""Examples of a class in a budget, below which none of them is spared for that."""


def bounds(labels: Sequence[Hashable], sizes: Sequence[float] | None = None) -> tuple[int, int]:
    """The smallest budget, which has one example a class whichever is drawn, and the largest, which has all. Counted in
    examples, or with their `sizes` in whole units of these, such as seconds."""
    if sizes is None:
        return len(set(labels)), len(labels)
    longest: dict[Hashable, float] = {}
    for label, size in zip(labels, sizes, strict=True):
        longest[label] = max(size, longest.get(label, 0.0))
    return math.ceil(sum(longest.values())), math.ceil(sum(sizes))


def drawn(labels: Sequence[Hashable], budget: int, seed: int, sizes: Sequence[float] | None = None) -> list[int]:
    """Positions of `budget` examples, in order of position: one of each class first, then in proportion. With the
    examples' `sizes`, of as many as have that size together, at most.

    For one seed a larger budget contains every smaller one, so that a learning curve only ever gains examples.
    Raises ValueError when the budget is not within `bounds`.
    """
    by_class: dict[Hashable, list[int]] = {}
    for position, label in enumerate(labels):
        by_class.setdefault(label, []).append(position)
    low, high = bounds(labels, sizes)
    if not low <= budget <= high:
        raise ValueError(_("budget {budget} is not between {low} and {high}", budget=budget, low=low, high=high))
    rng = np.random.default_rng(seed)
    ranked = []
    for label in sorted(by_class, key=str):
        for place, position in enumerate(rng.permutation(by_class[label])):
            share = 0.0 if place == 0 else (place + 0.5) / len(by_class[label])
            ranked.append((share, int(position)))
    order = [position for _, position in sorted(ranked)]
    return sorted(order[: budget if sizes is None else _fitting([sizes[i] for i in order], budget)])


def _fitting(sizes: Sequence[float], budget: int) -> int:
    """How many of the first there are whose sizes add up to the budget at most."""
    return sum(total <= budget for total in itertools.accumulate(sizes))


def within(
    labels: Sequence[Hashable], groups: Sequence[str], budget: int, seed: int, sizes: Sequence[float] | None = None
) -> tuple[list[int], list[int]]:
    """Positions of `budget` examples (see `drawn`) in two parts: those that are learnt from, and those that decide when
    to stop, which cost labels as well.

    The second holds CHECKED of each class that has FEWEST_CHECKED in the budget, and nothing of smaller ones: they are
    learnt from whole, for as long as the recipe says. Examples of one group stay together.
    """
    chosen = drawn(labels, budget, seed, sizes)
    many = Counter(labels[i] for i in chosen)
    large = [i for i in chosen if many[labels[i]] >= FEWEST_CHECKED]
    parts = split([str(labels[i]) for i in large], [groups[i] for i in large], validation=CHECKED, test=0.0, seed=seed)
    checked = {i for i, part in zip(large, parts, strict=True) if part == "validation"}
    return [i for i in chosen if i not in checked], sorted(checked)
