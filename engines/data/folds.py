"""Small data are tested on in folds: in turn each part is kept aside, and a network learns from the others.

Light where it is asked how many; drawing them imports scikit-learn.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

FEW = 200
"""Examples below which a test of a part of them is rough, and one in folds is worth its time."""
USUAL = 5
MOST = 20


def by_itself(labels: Sequence[object], groups: Sequence[object]) -> int:
    """In how many folds FEW examples or less are tested where nobody says otherwise; 0 where one part will do, or
    where the data cannot be told apart into two.

    `labels` and `groups` have one entry an example; examples of one group (exact copies) stay together.
    """
    carried = min(USUAL, most(labels, groups))
    return carried if len(labels) < FEW and carried >= 2 else 0


def most(labels: Sequence[object], groups: Sequence[object]) -> int:
    """As many folds as can each test something: the groups of the class that has the most of them."""
    return max(len(own) for own in _groups_of(labels, groups).values())


def alone(labels: Sequence[object], groups: Sequence[object]) -> np.ndarray:
    """bool (N,): what is all that there is of its class. It trains: whoever never saw its class cannot name it."""
    found = _groups_of(labels, groups)
    return np.array([len(found[label]) == 1 for label in labels], dtype=bool)


def of_baseline(folds: int, n: int) -> int:
    """How many of the folds a network from scratch is compared on: what costs no more than one fold of FEW examples,
    and one at least. `n` is the number of examples in all folds."""
    return min(folds, max(1, FEW // n))


def draw(labels: Sequence[object], groups: Sequence[object], folds: int, seed: int) -> list[np.ndarray]:
    """The positions int64 (M,) of what each fold tests. Classes are spread evenly, where one of them has as many groups
    as there are folds, and groups stay together."""
    from sklearn.model_selection import StratifiedGroupKFold

    if most(labels, groups) < folds:
        labels = [0] * len(labels)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer members than folds is tested in some of them
        return [tested for _, tested in splitter.split(labels, labels, groups) if len(tested)]


def _groups_of(labels: Sequence[object], groups: Sequence[object]) -> dict[object, set[object]]:
    found: defaultdict[object, set[object]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        found[label].add(group)
    return found
