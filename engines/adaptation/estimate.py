"""How good a classifier is where nothing is labelled, guessed from how sure it is."""

from __future__ import annotations

import numpy as np


def threshold(confidence: np.ndarray, right: np.ndarray) -> float:
    """The confidence above which as many labelled examples are as were named rightly (Garg et al. 2022, 'Leveraging
    unlabeled data to predict out-of-distribution performance': average thresholded confidence).

    confidence: float (N,); right: bool (N,), on examples that were not learnt from."""
    ranked = np.sort(confidence)
    wrong = round(float(1 - right.mean()) * len(ranked))
    if wrong == 0:
        return float("-inf")
    if wrong == len(ranked):
        return float("inf")
    return float((ranked[wrong - 1] + ranked[wrong]) / 2)


def accuracy(confidence: np.ndarray, at: float) -> float:
    """The share of answers that are surer than the threshold: the estimate. confidence: float (M,)."""
    return float((confidence > at).mean())
