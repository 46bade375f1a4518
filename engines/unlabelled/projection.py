"""Vectors made comparable, and laid out on a plane."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from engines.classification.few_labels.prototypes import unit_length

COMPONENTS = 50


def reduced(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """float64 (N, at most COMPONENTS): the principal components of the vectors at length 1."""
    known = unit_length(vectors)
    found: np.ndarray = PCA(min(COMPONENTS, *known.shape), random_state=seed).fit_transform(known)
    return found


def plane(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """float (N, 2) by t-SNE (van der Maaten & Hinton 2008), always the same for the same points and seed. Distances
    between groups, and the sizes of groups, mean nothing."""
    perplexity = min(30.0, (len(points) - 1) / 3)
    found: np.ndarray = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        points.astype(np.float64)
    )
    return found
