"""Examples unlike the others, and examples that are nearly the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from engines.classification.few_labels.prototypes import unit_length

NEIGHBOURS = 10
AT_ONCE = 512
SIDE, SAME_PIXELS = 32, 0.985
"""Pixels of a small grey picture's side, and the correlation from which two of them are nearly the same."""


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


def copies(vectors: np.ndarray, alike: float, pixels: np.ndarray | None = None) -> np.ndarray:
    """int64 (N,): for each example the first one before it, itself no copy, whose vector has a cosine of at least
    `alike` with its own; -1 where there is none. With `pixels`, see there, these must be nearly the same as well: to a
    network different scans of one digit are as near as a picture and its copy."""
    known = unit_length(vectors)
    found = np.full(len(known), -1)
    for start in range(0, len(known), AT_ONCE):
        near = known[start : start + AT_ONCE] @ known.T >= alike
        if pixels is not None:
            near &= pixels[start : start + AT_ONCE] @ pixels.T >= SAME_PIXELS
        for row, own in enumerate(near, start):
            before = np.flatnonzero(own[:row] & (found[:row] < 0))
            if len(before):
                found[row] = before[0]
    return found


def pixels(pictures: Sequence[Path]) -> np.ndarray:
    """float64 (N, SIDE² + 1): each picture small and grey, so that products are correlations; of one that is all of one
    shade, 1 behind zeros."""
    found = np.zeros((len(pictures), SIDE * SIDE + 1))
    for row, path in zip(found, pictures, strict=True):
        with Image.open(path) as picture:
            grey = np.asarray(picture.convert("L").resize((SIDE, SIDE)), dtype=float).ravel()
        length = np.linalg.norm(grey - grey.mean())
        row[:-1] = (grey - grey.mean()) / length if length > 1 else 0.0
        row[-1] = length <= 1
    return found
