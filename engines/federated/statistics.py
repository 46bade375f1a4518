"""What a ridge regression has to know of the examples of a class, and how that of several sites is added up.

Of n examples with frozen features x: how many they are, their mean, and their scatter about it, Σ (x - mean)(x -
mean)ᵀ. Nothing else of them enters the closed form, so that the sums of all sites give the very head that their pooled
examples would (Fed3R: Fanì et al. 2024, 'Accelerating heterogeneous federated learning with closed-form classifiers').
They are kept a class, so that classes can be weighed once everybody's counts are known.

Where a class has fewer examples than half the features, its scatter is a triangular factor F with FᵀF = scatter, which
is smaller; else it is the half matrix. Both are float32: they are taken about the mean, so that little is lost to
rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassStatistics:
    """Of one class at one site, or of one class at several."""

    n: int
    mean: np.ndarray
    """float64 (D,)"""
    factor: np.ndarray | None = None
    """float (K, D): the scatter is FᵀF; None where it is `half`, or where means are all that is known."""
    half: np.ndarray | None = None
    """float (D (D + 1) / 2,): the upper half of the scatter, a row after another."""

    @property
    def width(self) -> int:
        return len(self.mean)

    @property
    def has_scatter(self) -> bool:
        return self.factor is not None or self.half is not None

    @property
    def bytes(self) -> int:
        return self.mean.nbytes + sum(part.nbytes for part in (self.factor, self.half) if part is not None)

    def scatter(self) -> np.ndarray:
        """float64 (D, D)"""
        if self.factor is not None:
            factor = self.factor.astype(np.float64)
            found: np.ndarray = factor.T @ factor
            return found
        assert self.half is not None
        return whole(self.half, self.width)

    def spread(self, weight: np.ndarray) -> float:
        """Σ ‖Wᵀ (x - mean)‖² over the examples, for W float (D, C)."""
        if self.factor is not None:
            return float(((self.factor.astype(np.float64) @ weight) ** 2).sum())
        return float((weight * (self.scatter() @ weight)).sum())


Statistics = Mapping[str, ClassStatistics]
"""Class -> what one site knows of it."""


def of_class(features: np.ndarray, *, means_alone: bool = False) -> ClassStatistics:
    """Of the features float (N, D) of one class, N > 0."""
    seen = np.asarray(features, dtype=np.float64)
    n, width = seen.shape
    mean = seen.mean(0)
    if means_alone:
        return ClassStatistics(n, mean)
    about = seen - mean
    if n < width / 2:
        return ClassStatistics(n, mean, np.asarray(np.linalg.qr(about, mode="r")).astype(np.float32))
    return ClassStatistics(n, mean, half=half_of(about.T @ about).astype(np.float32))


def of_site(
    features: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, means_alone: bool = False
) -> dict[str, ClassStatistics]:
    """Of a site's features float (N, D) and labels int (N,), for each class that it has."""
    return {
        name: of_class(features[labels == number], means_alone=means_alone)
        for number, name in enumerate(classes)
        if (labels == number).any()
    }


def half_of(matrix: np.ndarray) -> np.ndarray:
    """The upper half of a symmetric matrix (D, D), a row after another: (D (D + 1) / 2,)."""
    return matrix[np.triu_indices(len(matrix))]


def whole(half: np.ndarray, width: int) -> np.ndarray:
    """float64 (D, D): what `half_of` was taken of."""
    found = np.zeros((width, width))
    found[np.triu_indices(width)] = half
    return found + np.triu(found, 1).T


def half_size(width: int) -> int:
    return width * (width + 1) // 2


def together(parts: Iterable[ClassStatistics]) -> ClassStatistics:
    """Of the examples of one class at all sites: exact, whatever their order."""
    known = list(parts)
    if len(known) == 1:
        return known[0]
    n = sum(part.n for part in known)
    mean = np.sum([part.n * part.mean for part in known], axis=0) / n
    between = [np.sqrt(part.n) * (part.mean - mean) for part in known]
    if not all(part.has_scatter for part in known):
        return ClassStatistics(n, mean)
    if all(part.factor is not None for part in known):
        rows = [part.factor.astype(np.float64) for part in known if part.factor is not None]
        return ClassStatistics(n, mean, np.vstack([*rows, *(row[None] for row in between)]))
    scatter = sum(part.scatter() for part in known) + np.transpose(between) @ np.stack(between)
    return ClassStatistics(n, mean, half=half_of(scatter))


def classes_of(sites: Iterable[Statistics]) -> list[str]:
    """The classes that any site has, sorted."""
    return sorted({name for site in sites for name in site})


def union(sites: Sequence[Statistics]) -> dict[str, ClassStatistics]:
    """Class -> what all sites know of it together."""
    return {name: together(site[name] for site in sites if name in site) for name in classes_of(sites)}
