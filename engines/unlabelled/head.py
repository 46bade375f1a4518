"""How well a head on frozen features tells apart what has been labelled so far."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from engines.contract import Estimate
from engines.evidence.intervals import balanced_accuracy
from engines.unlabelled.projection import unit

REGRESSION_FROM = 10
"""Examples of each class from which a logistic regression is better than class means; below they tie."""
STRENGTH = 100.0
FOLDS = 20
ONE_BY_ONE = 40


def answers(learning: np.ndarray, labels: np.ndarray, testing: np.ndarray) -> np.ndarray:
    """The class that each of float (M, D) gets from float (N, D) of classes `labels` (N,), all at length 1: that of the
    nearest class mean (Snell, Swersky & Zemel 2017), or a logistic regression's where every class has enough."""
    known, asked = unit(learning), unit(testing)
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) > 1 and counts.min() >= REGRESSION_FROM:
        from sklearn.linear_model import LogisticRegression

        head = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
        found: np.ndarray = head.fit(known, labels).predict(asked)
        return found
    means = unit(np.stack([known[labels == c].mean(0) for c in classes]))
    nearest: np.ndarray = classes[(asked @ means.T).argmax(1)]
    return nearest


def left_out(vectors: np.ndarray, labels: np.ndarray) -> Estimate | None:
    """Balanced accuracy on examples (N, D) that are named each by a head that learnt from the others: one by one, or
    where there are more than ONE_BY_ONE in FOLDS parts. The only example of a class is learnt from and not asked. None
    before there are two classes of two."""
    counts = Counter(labels.tolist())
    asked = np.array([counts[label] > 1 for label in labels.tolist()])
    if len(set(labels[asked].tolist())) < 2:
        return None
    n = len(labels)
    part = np.arange(n) if n <= ONE_BY_ONE else np.arange(n) % FOLDS
    right = np.zeros(n, dtype=bool)
    for number in np.unique(part):
        own = part == number
        right[own] = answers(vectors[~own], labels[~own], vectors[own]) == labels[own]
    return balanced_accuracy(labels[asked], right[asked])


def on_the_rest(vectors: np.ndarray, labelled: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> Estimate | None:
    """Balanced accuracy on all that is not labelled, by the labels that came with the data: nothing else reads them."""
    rest = np.setdiff1d(np.arange(len(vectors)), labelled)
    if not len(rest) or not len(labelled):
        return None
    right = answers(vectors[labelled], labels, vectors[rest]) == truth[rest]
    return balanced_accuracy(truth[rest], right)


def told(estimate: Estimate | None) -> dict[str, Any] | None:
    """value, low, high, n."""
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
