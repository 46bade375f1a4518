"""What a clinic asks of a test for one thing: how many of the ill it finds, how many of the well it leaves in peace.

Works on plain NumPy arrays, whatever made them: `ill` bool (N,), `says` float (N,) how likely each is said to be ill,
`groups` int (N,) whose each is. Intervals are 95 %: of curves and areas a bootstrap over patients, ill and well apart
(Efron 1979; several pictures of one patient count together); of shares a Jeffreys interval on as many examples as there
are patients, which is cautious where a patient's pictures differ. Everything is seeded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engines.contract import Estimate
from engines.evidence import intervals

DRAWS = 1000
GRID = np.linspace(0, 1, 41)
"""Where curves are told."""
AT_RISK = np.linspace(0.02, 0.98, 49)
"""Probabilities from which one would act: of the decision curve."""


class Chosen(NamedTuple):
    """A threshold and what it was chosen on."""

    threshold: float
    on: str
    """'out-of-fold', 'validation', or 'nothing': then it is one half."""
    n_ill: int


def report(
    ill: np.ndarray,
    says: np.ndarray,
    groups: np.ndarray,
    *,
    sensitivity: float,
    folds: np.ndarray | None = None,
    held_out: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, Any]:
    """All that the page draws, as JSON has it: see docs/medical.md.

    A threshold is chosen for a stated `sensitivity`: on the pooled predictions out of `folds`, int (N,), where they
    were tested in folds, and then judged on each fold with the one that the others choose; else on what was `held_out`,
    ill and says; else it is one half.
    """
    weights = _drawn(ill, groups)
    counts = _by_threshold(ill, says, np.vstack([np.ones(len(ill)), weights]))
    chosen, acts = _acts(ill, says, sensitivity, folds, held_out)
    return {
        "n": len(ill),
        "n_ill": int(ill.sum()),
        "patients": len(np.unique(groups)),
        "auroc": _estimate(_auroc(*counts), len(ill)),
        "average_precision": _estimate(_average_precision(*counts), len(ill)),
        "roc": _curve(*_roc(*counts)),
        "precision_recall": _curve(*_precision_recall(*counts)),
        "operating": {
            "wanted": sensitivity,
            **chosen._asdict(),
            "sensitivity": _share(acts[ill], groups[ill]),
            "specificity": _share(~acts[~ill], groups[~ill]),
            "ppv": _share(ill[acts], groups[acts]),
            "npv": _share(~ill[~acts], groups[~acts]),
        },
        "decision": decision_curve(ill, says, weights),
    }


def auroc(ill: np.ndarray, says: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """float (1 + DRAWS,): the area under the ROC curve, then that of each draw of patients."""
    weights = np.vstack([np.ones(len(ill)), _drawn(ill, groups)])
    return _auroc(*_by_threshold(ill, says, weights))


def threshold(ill: np.ndarray, says: np.ndarray, sensitivity: float) -> float:
    """The highest threshold at which at least that share of the ill are found; 0 where there are none."""
    found = np.sort(says[ill])[::-1]
    return float(found[int(np.ceil(sensitivity * len(found) - 1e-9)) - 1]) if len(found) else 0.0


def decision_curve(ill: np.ndarray, says: np.ndarray, weights: np.ndarray) -> list[dict[str, float]]:
    """Net benefit (Vickers & Elkin 2006) of acting on whoever is said to be ill with at least that probability, beside
    acting on everybody: true positives less false ones, weighed by the odds, a person."""
    every = np.vstack([np.ones(len(ill)), weights])
    n = every.sum(1)
    rows = []
    for risk in AT_RISK:
        odds, acts = risk / (1 - risk), says >= risk
        benefit = (every @ (acts & ill) - odds * (every @ (acts & ~ill))) / n
        low, high = np.quantile(benefit[1:], [0.025, 0.975])
        everybody = float(ill.mean() - odds * (~ill).mean())
        value = float(benefit[0])
        rows.append(
            {"risk": float(risk), "value": value, "low": min(float(low), value), "high": max(float(high), value)}
            | {"everybody": everybody}
        )
    return rows


# --- the threshold ----------------------------------------------------------------------------------


def _acts(
    ill: np.ndarray,
    says: np.ndarray,
    sensitivity: float,
    folds: np.ndarray | None,
    held_out: tuple[np.ndarray, np.ndarray] | None,
) -> tuple[Chosen, np.ndarray]:
    """The threshold, and bool (N,): who is said to be ill, each by a threshold that was chosen without him."""
    if folds is not None:
        acts = np.zeros(len(ill), dtype=bool)
        for fold in np.unique(folds):
            own, others = folds == fold, folds != fold
            acts[own] = says[own] >= threshold(ill[others], says[others], sensitivity)
        return Chosen(threshold(ill, says, sensitivity), "out-of-fold", int(ill.sum())), acts
    if held_out is not None and held_out[0].any():
        chosen = Chosen(threshold(*held_out, sensitivity), "validation", int(held_out[0].sum()))
    else:
        chosen = Chosen(0.5, "nothing", 0)
    return chosen, says >= chosen.threshold


# --- curves over draws ----------------------------------------------------------------------------


def _drawn(ill: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """float (DRAWS, N): how often each example is in each draw of patients, those with an ill picture apart."""
    rng = np.random.default_rng(0)
    _names, own = np.unique(groups, return_inverse=True)
    with_ill = np.bincount(own, weights=ill) > 0
    times = np.zeros((DRAWS, len(with_ill)))
    for kind in (True, False):
        at = np.flatnonzero(with_ill == kind)
        if len(at):
            times[:, at] = rng.multinomial(len(at), np.full(len(at), 1 / len(at)), size=DRAWS)
    return times[:, own]


def _by_threshold(ill: np.ndarray, says: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives float (D, T + 1) as the threshold falls past each different answer, from none on."""
    order = np.argsort(-says, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(says[order]) != 0])
    none = np.zeros((len(weights), 1))
    summed = [np.add.reduceat(weights[:, order] * kind[order], starts, axis=1).cumsum(1) for kind in (ill, ~ill)]
    return np.hstack([none, summed[0]]), np.hstack([none, summed[1]])


def _auroc(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    hit, miss = _shares(true), _shares(false)
    areas: np.ndarray = (np.diff(miss, axis=1) * (hit[:, 1:] + hit[:, :-1]) / 2).sum(1)
    return areas


def _average_precision(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    precision = true / np.maximum(true + false, 1e-12)
    areas: np.ndarray = (np.diff(_shares(true), axis=1) * precision[:, 1:]).sum(1)
    return areas


def _roc(true: np.ndarray, false: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity float (D, G) over one less specificity."""
    return GRID, np.stack([np.interp(GRID, x, y) for x, y in zip(_shares(false), _shares(true), strict=True)])


def _precision_recall(true: np.ndarray, false: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision float (D, G) at the first threshold that reaches each sensitivity: it is not interpolated."""
    recall, precision = _shares(true), true / np.maximum(true + false, 1e-12)
    at = [np.clip(np.searchsorted(own, GRID - 1e-9), 1, recall.shape[1] - 1) for own in recall]
    return GRID, np.stack([own[rows] for own, rows in zip(precision, at, strict=True)])


def _shares(counts: np.ndarray) -> np.ndarray:
    shares: np.ndarray = counts / np.maximum(counts[:, -1:], 1e-12)
    return shares


def _curve(x: np.ndarray, y: np.ndarray) -> list[dict[str, float]]:
    low, high = np.quantile(y[1:], [0.025, 0.975], axis=0)
    return [
        {"x": float(a), "value": float(v), "low": float(min(lo, v)), "high": float(max(hi, v))}
        for a, v, lo, hi in zip(x, y[0], low, high, strict=True)
    ]


def _estimate(values: np.ndarray, n: int) -> dict[str, Any]:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return vars(Estimate(float(values[0]), min(float(low), float(values[0])), max(float(high), float(values[0])), n))


def _share(correct: np.ndarray, groups: np.ndarray) -> dict[str, Any] | None:
    """None where there is nobody to ask."""
    if not len(correct):
        return None
    patients = len(np.unique(groups))
    return vars(intervals.share(float(correct.mean()), patients)) | {"n": len(correct), "patients": patients}
