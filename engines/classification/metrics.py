"""What is measured of a classifier on its test examples, beside its balanced accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_score

from engines.contract import Estimate
from engines.evidence import intervals

if TYPE_CHECKING:
    from torch import Tensor


def balanced_accuracy(logits: Tensor, labels: Tensor) -> float:
    """The mean over classes of the share that is told: logits (N, C), labels int64 (N,)."""
    return intervals.balanced(labels.numpy(), (logits.argmax(1) == labels).numpy())


def further_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Estimate]:
    """Plain accuracy and macro F1. F1 has no closed posterior: its interval is a bootstrap over test examples."""
    predicted = probabilities.argmax(1)
    rng = np.random.default_rng(0)
    n = len(labels)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=500)
    low, high = np.quantile(macro_f1(labels, predicted, drawn), [0.025, 0.975])
    f1 = float(macro_f1(labels, predicted, np.ones((1, n)))[0])
    return {
        "accuracy": intervals.accuracy(predicted == labels),
        "macro_f1": Estimate(f1, min(float(low), f1), max(float(high), f1), len(labels)),
    }


def macro_f1(labels: np.ndarray, predicted: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """float (D,): macro F1 where example n occurs counts[d, n] times; labels, predicted: int (N,), counts: (D, N)."""
    classes = np.union1d(labels, predicted)
    true, named = labels[:, None] == classes, predicted[:, None] == classes  # (N, C)
    right, occurring = counts @ (true & named), counts @ true + counts @ named  # (D, C)
    f1 = 2 * right / np.maximum(occurring, 1)
    return f1.sum(axis=1) / (occurring > 0).sum(axis=1)


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> list[list[int]]:
    """Counts, rows true and columns predicted, a row for every class."""
    classes = range(probabilities.shape[1])
    counts: list[list[int]] = confusion_matrix(labels, probabilities.argmax(1), labels=classes).tolist()
    return counts


def per_class(labels: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> list[dict[str, Any]]:
    """Recall with its interval and precision of every class; None where the test holds none of it."""
    predicted = probabilities.argmax(1)
    precision = precision_score(labels, predicted, labels=range(len(classes)), average=None, zero_division=0)
    rows: list[dict[str, Any]] = []
    for number, label in enumerate(classes):
        own = labels == number
        recall = intervals.accuracy(predicted[own] == number) if own.any() else None
        rows.append(
            {
                "class": label,
                "n": int(own.sum()),
                "recall": recall and recall.value,
                "low": recall and recall.low,
                "high": recall and recall.high,
                "precision": float(precision[number]),
            }
        )
    return rows
