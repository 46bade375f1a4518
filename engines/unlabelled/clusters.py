"""k-means (Lloyd 1982) for a number of groups that a person chooses, around examples that are labelled already if there
are any. How many groups there 'are' is never claimed: no index of those tried here finds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import pairwise_distances

STARTS, ROUNDS = 10, 100


@dataclass(frozen=True)
class Clusters:
    """Points in groups."""

    assigned: np.ndarray
    """int64 (N,): the group of each point; those around fixed centres come first."""
    centres: np.ndarray
    """float64 (F + k, D): the fixed ones, then the others."""
    inertia: float
    """The sum of squared distances to the own centre."""


def kmeans(points: np.ndarray, k: int, seed: int, fixed: np.ndarray | None = None) -> Clusters:
    """float (N, D) in `k` groups, besides those around `fixed` centres, float (F, D), which stay where they are: the
    best of STARTS beginnings by k-means++ (Arthur & Vassilvitskii 2007). A group that loses all its points takes the
    one that is farthest from its centre."""
    points = points.astype(np.float64)
    held = np.empty((0, points.shape[1])) if fixed is None else fixed.astype(np.float64)
    rng = np.random.default_rng(seed)
    return min((_lloyd(points, held, _begun(points, held, k, rng)) for _ in range(STARTS)), key=lambda c: c.inertia)


def distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """float64 (N, K): squared."""
    found: np.ndarray = pairwise_distances(points, centres, metric="sqeuclidean")
    return found


def _begun(points: np.ndarray, held: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """float64 (k, D): points, each drawn in proportion to its squared distance from those before and those held."""
    first = points[rng.integers(len(points))][None]
    chosen = [] if len(held) else [first]
    away = distances(points, held if len(held) else first).min(1)
    while len(chosen) < k:
        total = away.sum()
        at = rng.choice(len(points), p=away / total) if total > 0 else rng.integers(len(points))
        chosen.append(points[at][None])
        away = np.minimum(away, distances(points, chosen[-1])[:, 0])
    return np.concatenate(chosen)


def _lloyd(points: np.ndarray, held: np.ndarray, moving: np.ndarray) -> Clusters:
    assigned = np.full(len(points), -1)
    for _ in range(ROUNDS):
        away = distances(points, np.concatenate([held, moving]))
        found = away.argmin(1)
        if (found == assigned).all():
            break
        assigned = found
        for number in range(len(moving)):
            own = assigned == len(held) + number
            if own.any():
                moving[number] = points[own].mean(0)
            else:
                moving[number] = points[away.min(1).argmax()]
    away = distances(points, np.concatenate([held, moving]))
    return Clusters(away.argmin(1), np.concatenate([held, moving]), float(away.min(1).sum()))
