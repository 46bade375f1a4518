"""The head that the pooled examples of all sites would give, in closed form, from what the sites have added up.

Every class has the same say, whatever it has examples: weights are 1 / (classes · n of the class), which can only be
given once all counts are known. The target of an example is 1 for its class and 0 for the others. With μ the mean of
the class means, G the weighted scatter about it and λ relative to G's mean eigenvalue t:

    W = (G + λ t I)⁻¹ B,   B's column c = (mean of c - μ) / classes,   b = 1 / classes - Wᵀ μ

λ is chosen by leaving one site out at a time (`chosen`), or where only the total is known by generalised
cross-validation (`cross_validated`), from the statistics alone: no test has a part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engines.federated.statistics import ClassStatistics, Statistics, union

LAMBDAS = tuple(float(10**exponent) for exponent in np.arange(-3.0, 1.01, 0.5))
"""Relative to the mean eigenvalue of the features' scatter."""
USUAL = 0.1
"""λ where no class is at two sites, so that leaving one out says nothing."""
MOST_LEFT_OUT = 10
"""Of more sites, several are left out together."""
LEAST_VARIANCE = 1e-3


@dataclass(frozen=True)
class Head:
    """What answers Wᵀ x + b on frozen features."""

    classes: list[str]
    weight: np.ndarray
    """float64 (D, C)"""
    bias: np.ndarray
    """float64 (C,)"""

    def answers(self, features: np.ndarray) -> np.ndarray:
        """float64 (N, C): how much each class is spoken for, about 0 to 1."""
        found: np.ndarray = features @ self.weight + self.bias
        return found


@dataclass(frozen=True)
class Chosen:
    """A λ, and how it was come by."""

    value: float
    errors: list[tuple[float, float]]
    """Each λ, and the squared error that it leaves on what was left out, averaged over classes; empty where no class is
    at two sites."""
    variance: float
    """That error an output, of the λ that was chosen: logits are answers / variance, for a class answers about 1 or 0
    with that much noise."""
    n: int
    """Examples that were left out of a head that knows their class."""


def solver(known: Statistics) -> Callable[[float], Head]:
    """λ -> the head, for classes in sorted order; the work is done once for all λ."""
    classes = sorted(known)
    count = len(classes)
    means = np.stack([known[name].mean for name in classes])  # (C, D)
    middle = means.mean(0)
    between = (means - middle) / np.sqrt(count)  # its Gram matrix is the classes' part of G
    factors = [_scaled(known[name], count) for name in classes]
    rows = None
    if all(factor is not None for factor in factors):
        rows = np.vstack([between, *(factor for factor in factors if factor is not None)])
    if rows is not None and len(rows) < rows.shape[1]:  # fewer directions than features: solved among these
        values, vectors = np.linalg.eigh(rows @ rows.T)
        mean = float(values.sum()) / rows.shape[1]
        inner = vectors.T[:, :count] / np.sqrt(count)
        outer = rows.T @ vectors
    else:
        gram = between.T @ between
        for name in classes:
            gram += known[name].scatter() / (known[name].n * count)
        values, vectors = np.linalg.eigh(gram)
        mean = float(values.sum()) / len(values)
        inner = vectors.T @ between.T / np.sqrt(count)
        outer = vectors
    values = np.maximum(values, 0)

    def solve(strength: float) -> Head:
        weight = outer @ (inner / (values + max(strength * mean, 1e-12))[:, None])
        return Head(classes, weight, 1 / count - middle @ weight)

    return solve


def _scaled(known: ClassStatistics, count: int) -> np.ndarray | None:
    return None if known.factor is None else known.factor.astype(np.float64) / np.sqrt(known.n * count)


def chosen(sites: Sequence[Statistics], lambdas: Sequence[float] = LAMBDAS) -> Chosen:
    """The λ whose heads do best on sites that they have not heard of: squared error, every class with the same say.

    A class counts where another site has it too; of those that are at one site alone nothing can be said."""
    left_out = [list(part) for part in np.array_split(np.arange(len(sites)), min(len(sites), MOST_LEFT_OUT))]
    errors: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for out in left_out if len(sites) > 1 else ():
        others = union([site for number, site in enumerate(sites) if number not in out])
        if len(others) < 2:
            continue
        heads = list(map(solver(others), lambdas))
        for number in out:
            for name, own in sites[number].items():
                if name in others:
                    missed = np.array([squared_error(head, name, own) for head in heads])
                    errors[name] = errors.get(name, 0) + missed
                    counts[name] = counts.get(name, 0) + own.n
    if not errors:
        return Chosen(USUAL, [], 1.0, 0)
    average = np.mean([errors[name] / counts[name] for name in errors], axis=0)
    best = int(np.argmin(average))
    outputs = len(union(sites))
    variance = max(float(average[best]) / outputs, LEAST_VARIANCE)
    told = [(float(one), float(error)) for one, error in zip(lambdas, average, strict=True)]
    return Chosen(float(lambdas[best]), told, variance, sum(counts.values()))


def cross_validated(known: Statistics, lambdas: Sequence[float] = LAMBDAS) -> Chosen:
    """The λ that generalised cross-validation takes (Golub, Heath & Wahba 1979, 'Generalized cross-validation as a
    method for choosing a good ridge parameter'), where only the total of all sites is known.

    What an example misses by when it is left out is its error / (1 - h), for its leverage h. Of a class the error and
    the mean of h follow from the statistics:

        h = (1 + tr((G + λ t I)⁻¹ S) / n + (mean - μ)ᵀ (G + λ t I)⁻¹ (mean - μ)) / (classes · n),   S the scatter

    so that h's mean over the class stands for that of each example. Classes of one example say nothing."""
    classes = sorted(known)
    count = len(classes)
    means = np.stack([known[name].mean for name in classes])
    about = means - means.mean(0)
    gram = about.T @ about / count
    for name in classes:
        gram += known[name].scatter() / (known[name].n * count)
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0)
    mean = float(values.sum()) / len(values)
    spread = {
        name: np.einsum("ij,ij->j", vectors, known[name].scatter() @ vectors) / known[name].n + (row @ vectors) ** 2
        for name, row in zip(classes, about, strict=True)
        if known[name].n > 1
    }
    if not spread:
        return Chosen(USUAL, [], 1.0, 0)
    solve = solver(known)
    told = []
    for strength in lambdas:
        head = solve(strength)
        missed = []
        for name, each in spread.items():
            own = known[name]
            leverage = (1 + float((each / (values + max(strength * mean, 1e-12))).sum())) / (count * own.n)
            missed.append(squared_error(head, name, own) / own.n / max(1 - leverage, 1e-6) ** 2)
        told.append((float(strength), float(np.mean(missed))))
    value, error = min(told, key=lambda one: one[1])
    return Chosen(value, told, max(error / count, LEAST_VARIANCE), sum(known[name].n for name in spread))


def squared_error(head: Head, name: str, own: ClassStatistics) -> float:
    """Σ ‖Wᵀ x + b - target‖² over the examples of class `name`, from their statistics alone."""
    target = np.array([float(each == name) for each in head.classes])
    at_mean = own.mean @ head.weight + head.bias - target
    return own.n * float(at_mean @ at_mean) + own.spread(head.weight)


def class_means(known: Statistics) -> Head:
    """A class is where its mean points to (FedNCM: Legate et al. 2023, 'Guiding the last layer in federated learning
    with pre-trained models'): the cosine, for an x of the length that the means have on average."""
    classes = sorted(known)
    means = np.stack([known[name].mean for name in classes])
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return Head(classes, (means / lengths).T / float(lengths.mean()), np.zeros(len(classes)))
