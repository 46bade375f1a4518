"""Does it know what it does not know: of the answers given with 80 %, are 80 % right?

Calibration error, reliability and temperature scaling follow Guo et al. 2017, 'On calibration of modern neural
networks'. Works on plain NumPy arrays, whatever made them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import beta

from engines.contract import Estimate

BINS = 10
"""Of equal width, from 0 to 1."""
DRAWS = 500
COLDEST, HOTTEST = 0.02, 50.0


# --- temperature ----------------------------------------------------------------------------------


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T > 0 with which softmax(logits / T) is likeliest to have made `labels`, between COLDEST and HOTTEST.

    logits: float (N, C) on examples that were not learnt from; labels: int (N,). One example more is counted that is
    every class in equal parts, in the spirit of Platt 1999: without it, a small set with no mistake in it would ask
    for certainty.
    """
    n, classes = logits.shape
    targets = (n * np.eye(classes)[labels] + 1 / classes) / (n + 1)  # (N, C)

    def loss(log_t: float) -> float:
        return -float((targets * log_softmax(logits / np.exp(log_t), axis=1)).sum())

    bounds = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def probabilities(logits: np.ndarray, temperature: float | np.ndarray = 1.0) -> np.ndarray:
    """float64 (N, C): softmax(logits / temperature), one of all or float (N, 1). The largest stays the largest."""
    return np.exp(log_softmax(logits.astype(np.float64) / temperature, axis=1))


# --- how far confidence and truth are apart -------------------------------------------------------


def report(
    logits: np.ndarray,
    labels: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray] | None,
    temperatures: np.ndarray | None = None,
) -> dict[str, Any]:
    """What a page shows of one test: logits float (N, C), labels int (N,).

    `held_out` are logits and labels of validation examples: they alone choose the temperature. Without them it is 1,
    and 'after' is None. Where several networks were tested, `temperatures` float (N, 1) are their own, and the one that
    `held_out` chooses is that of the model that is kept. The keys are listed in docs/architecture.md.
    """
    chosen = temperature(*held_out) if held_out else 1.0
    return {
        "temperature": chosen,
        "n_validation": len(held_out[1]) if held_out else 0,
        "before": measured(probabilities(logits), labels),
        "after": measured(probabilities(logits, chosen if temperatures is None else temperatures), labels)
        if held_out
        else None,
    }


def measured(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Calibration error with its interval, log loss and reliability of probabilities float (N, C)."""
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    error = calibration_error(confidence, correct)
    true = probabilities[np.arange(len(labels)), labels]
    return {
        "ece": error.value,
        "low": error.low,
        "high": error.high,
        "by_chance": by_chance(confidence),
        "log_loss": float(-np.log(np.maximum(true, 1e-12)).mean()),
        "bins": reliability(confidence, correct),
    }


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> Estimate:
    """Expected calibration error: over BINS bins, the mean gap between confidence and share correct, by examples.

    confidence: float (N,) in [0, 1]; correct: bool (N,). Chance alone makes gaps, so few examples make it too large.
    The interval is the basic bootstrap's, which takes that off: its low end may be zero.
    """
    n, gaps, bins = len(correct), correct - confidence, _one_hot_bins(confidence)
    value = float(np.abs(gaps @ bins).sum() / n)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)  # (D, N)
    again = np.abs((drawn * gaps) @ bins).sum(axis=1) / n
    high, low = 2 * value - np.quantile(again, [0.025, 0.975])
    return Estimate(value, min(max(float(low), 0.0), value), max(float(high), value), n)


def by_chance(confidence: np.ndarray) -> float:
    """The error that 95 % of tests would stay below if every confidence were true (Bröcker & Smith 2007)."""
    n, bins = len(confidence), _one_hot_bins(confidence)
    correct = np.random.default_rng(0).random((DRAWS, n)) < confidence
    return float(np.quantile(np.abs((correct - confidence) @ bins).sum(axis=1) / n, 0.95))


def reliability(confidence: np.ndarray, correct: np.ndarray) -> list[dict[str, Any]]:
    """Each bin that holds examples: {from, to, n, confidence, correct, low, high}, `correct` the share that was
    right with its 95 % interval (Jeffreys, as in `intervals`)."""
    rows = []
    for number, members in enumerate(_one_hot_bins(confidence).T.astype(bool)):
        if not members.any():
            continue
        right, n = int(correct[members].sum()), int(members.sum())
        share = right / n
        low, high = beta(right + 0.5, n - right + 0.5).ppf([0.025, 0.975])
        rows.append(
            {
                "from": number / BINS,
                "to": (number + 1) / BINS,
                "n": n,
                "confidence": float(confidence[members].mean()),
                "correct": share,
                "low": min(float(low), share),
                "high": max(float(high), share),
            }
        )
    return rows


def _one_hot_bins(confidence: np.ndarray) -> np.ndarray:
    """float (N, BINS): 1 where the example belongs. A bin holds its upper end, as Guo et al. have it."""
    number = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return np.eye(BINS)[number]
