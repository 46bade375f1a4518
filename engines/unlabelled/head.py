"""How well a head on frozen features tells apart what has been labelled so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.classification.few_labels import prototypes
from engines.contract import Estimate
from engines.evidence.intervals import balanced_accuracy


def answers(learning: np.ndarray, labels: np.ndarray, testing: np.ndarray) -> np.ndarray:
    """The class that each of float (M, D) gets from float (N, D) of classes `labels`, int (N,), as `prototypes.fitted`
    gives it: by class means, or by a logistic regression where every class has enough."""
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < prototypes.ENOUGH or len(classes) < 2:  # how sure an answer is does not matter here
        means = prototypes.class_means(learning, codes, len(classes))
        nearest: np.ndarray = classes[(prototypes.unit_length(testing) @ means.T).argmax(1)]
        return nearest
    found: np.ndarray = classes[prototypes.fitted(learning, codes, len(classes)).probabilities(testing).argmax(1)]
    return found


def left_out(vectors: np.ndarray, labels: np.ndarray) -> Estimate | None:
    """Balanced accuracy on examples (N, D) of classes `labels`, int (N,), each of which is named by a head that learnt
    from others. The only example of a class is learnt from and not asked. None before there are two classes of two."""
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    asked = counts[codes] > 1
    if (counts > 1).sum() < 2:
        return None
    right = prototypes.answers_left_out(vectors, codes, len(classes)) == codes
    return balanced_accuracy(codes[asked], right[asked])


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
