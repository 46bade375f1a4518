"""A classifier's last layer, as numbers: fitted on labelled features, moved between ways of scaling them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

STRENGTH = 1e-3
"""Inverse weight of the ridge penalty, as scikit-learn's C, on standardised features: chosen on the 12 text pairs."""
ABSENT = -30.0
"""The logit of a class that no labelled example has."""


@dataclass(frozen=True)
class Linear:
    """Logits (N, C) of features (N, D)."""

    weight: np.ndarray
    """float64 (C, D)"""
    bias: np.ndarray
    """float64 (C,)"""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        logits: np.ndarray = x @ self.weight.T + self.bias
        return logits

    def of_raw(self, scaling: Scaling) -> Linear:
        """The same for x itself, where this one reads (x - shift) / scale."""
        weight = self.weight / scaling.scale
        return Linear(weight, self.bias - weight @ scaling.shift)

    def of_scaled(self, scaling: Scaling) -> Linear:
        """The same for (x - shift) / scale, where this one reads x itself."""
        return Linear(self.weight * scaling.scale, self.bias + self.weight @ scaling.shift)

    def times(self, factor: float) -> Linear:
        return Linear(self.weight * factor, self.bias * factor)


@dataclass(frozen=True)
class Scaling:
    """What features are standardised by, (D,) each."""

    shift: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Scaling:
        return cls(x.mean(0), x.std(0).clip(1e-3))

    def towards(self, other: Scaling, share: float) -> Scaling:
        """That share of the way: means, and variances."""
        scale = np.sqrt(share * other.scale**2 + (1 - share) * self.scale**2)
        return Scaling(share * other.shift + (1 - share) * self.shift, scale)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = (x - self.shift) / self.scale
        return scaled


def unit_length(features: np.ndarray) -> np.ndarray:
    """float64, as float (N, D) or (D,): each row of length 1; zeros stay zeros."""
    wide = features.astype(np.float64)
    scaled: np.ndarray = wide / np.maximum(np.linalg.norm(wide, axis=-1, keepdims=True), 1e-12)
    return scaled


def fitted(x: np.ndarray, labels: np.ndarray, classes: int) -> Linear:
    """A logistic regression in which every class has the same say. x: float (N, D); labels: int (N,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    rotated, back = _few_axes(x)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rotated, labels)
    rows, bias = model.coef_ @ back, model.intercept_
    if len(model.classes_) == 2:
        rows, bias = np.stack([-rows[0], rows[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    weight, biases = np.zeros((classes, x.shape[1])), np.full(classes, ABSENT)
    weight[model.classes_], biases[model.classes_] = rows, bias
    return Linear(weight, biases)


def _few_axes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x in the coordinates of its principal axes, (N, R) with R <= N, and those axes (R, D): a ridge penalty sees no
    difference, and the regression learns far faster where D is large."""
    if x.shape[1] <= len(x):
        return x, np.eye(x.shape[1])
    lefts, lengths, axes = np.linalg.svd(x, full_matrices=False)
    kept = lengths > 1e-9 * max(1.0, lengths[0])
    return lefts[:, kept] * lengths[kept], axes[kept]


def as_sure(logits: np.ndarray, wanted: float) -> float:
    """The factor by which logits (N, C) are multiplied so that the mean of the largest probability is `wanted`."""

    def apart(log_factor: float) -> float:
        return float(softmax(logits * np.exp(log_factor), axis=1).max(1).mean()) - wanted

    low, high = -12.0, 12.0
    if apart(low) >= 0 or apart(high) <= 0:
        return float(np.exp(low if apart(low) >= 0 else high))
    return float(np.exp(brentq(apart, low, high, xtol=1e-6)))
