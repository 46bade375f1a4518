"""Which examples a learner gets when it may only have so many."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def drawn(labels: Sequence[Hashable], budget: int, seed: int) -> list[int]:
    """Positions of `budget` examples, in order of position: one of each class first, then in proportion.

    For one seed a larger budget contains every smaller one, so that a learning curve only ever gains examples.
    Raises ValueError when the budget is below the number of classes or above that of examples.
    """
    by_class: dict[Hashable, list[int]] = {}
    for position, label in enumerate(labels):
        by_class.setdefault(label, []).append(position)
    if not len(by_class) <= budget <= len(labels):
        raise ValueError(f"budget {budget} is not between {len(by_class)} classes and {len(labels)} examples")
    rng = np.random.default_rng(seed)
    ranked = []
    for label in sorted(by_class, key=str):
        for place, position in enumerate(rng.permutation(by_class[label])):
            share = 0.0 if place == 0 else (place + 0.5) / len(by_class[label])
            ranked.append((share, int(position)))
    return sorted(position for _, position in sorted(ranked)[:budget])
