"""Examples unlike the others, and examples that are nearly the same."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from engines.classification.prototypes import unit_length

NEIGHBOURS = 10
AT_ONCE = 512


def far_from_others(points: np.ndarray) -> np.ndarray:
    """float64 (N,): the mean distance to the NEIGHBOURS nearest others (Ramaswamy, Rastogi & Shim 2000)."""
    k = min(NEIGHBOURS, len(points) - 1)
    away, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    found: np.ndarray = away.mean(1)
    return found


def thinner_than_around(points: np.ndarray) -> np.ndarray:
    """float64 (N,): the local outlier factor (Breunig et al. 2000): about 1 where an example's neighbours are as near
    to each other as it is to them, more where it stands apart from them."""
    model = LocalOutlierFactor(n_neighbors=min(2 * NEIGHBOURS, len(points) - 1)).fit(points)
    found: np.ndarray = -model.negative_outlier_factor_
    return found


def unlike(*measures: np.ndarray) -> np.ndarray:
    """float64 (N,) from 0 to 1: the mean of the measures' ranks. It orders; how odd an example is it does not say."""
    ranks = [measure.argsort(kind="stable").argsort(kind="stable") for measure in measures]
    found: np.ndarray = np.mean(ranks, axis=0) / max(1, len(measures[0]) - 1)
    return found


def copies(vectors: np.ndarray, alike: float) -> np.ndarray:
    """int64 (N,): for each example the first one before it, itself no copy, whose vector has a cosine of at least
    `alike` with its own; -1 where there is none."""
    known = unit_length(vectors)
    found = np.full(len(known), -1)
    for start in range(0, len(known), AT_ONCE):
        near = known[start : start + AT_ONCE] @ known.T >= alike
        for row, own in enumerate(near, start):
            before = np.flatnonzero(own[:row] & (found[:row] < 0))
            if len(before):
                found[row] = before[0]
    return found
