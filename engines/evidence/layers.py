"""What fine-tuning changed inside a network, stage by stage: in what it sees, in its weights, in what can be read off.

Pure numpy. Features are those of the same examples before and after, one row each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from engines.messages import _

MUCH_ALIKE = 0.95
"""From this similarity on, a stage sees its input much as before."""
PENALTIES = np.logspace(-4, 4, 17)
"""Strengths of a probe's ridge penalty that are tried, times the mean square of its inputs' principal components."""


# --- what it sees ---------------------------------------------------------------------------------


def cka(before: np.ndarray, after: np.ndarray) -> float | None:
    """How alike two sets of features of the same examples are, float (N, D) and (N, E), up to turning, scaling and
    shifting them: linear centred kernel alignment, 1 for the same, about 0 for unrelated ones; None where one of them
    is constant, or for fewer than four examples.

    Kornblith, Norouzi, Lee & Hinton 2019, 'Similarity of neural network representations revisited'; with the unbiased
    estimate of HSIC, as Nguyen, Raghu & Kornblith 2021 take it: the biased one finds unrelated features alike as soon
    as there are more of them than examples.
    """
    if len(before) < 4:
        return None
    one, other = (_products(features) for features in (before, after))
    between, alone = hsic(one, other), hsic(one, one) * hsic(other, other)
    return float(between / np.sqrt(alone)) if alone > 0 else None


def hsic(one: np.ndarray, other: np.ndarray) -> float:
    """The Hilbert-Schmidt independence criterion of two kernels (N, N), N > 3, without bias: Song, Smola, Gretton,
    Bedo & Borgwardt 2012, 'Feature selection via dependence maximization', equation 5. It may come out below 0."""
    n = len(one)
    one, other = (kernel * (1 - np.eye(n)) for kernel in (one, other))
    apart = one.sum() * other.sum() / ((n - 1) * (n - 2))
    shared = one.sum(0) @ other.sum(1)
    return float(((one * other).sum() + apart - 2 * shared / (n - 2)) / (n * (n - 3)))


def _products(features: np.ndarray) -> np.ndarray:
    """float64 (N, N), of the features in a unit of their own, so that their size does not matter."""
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    centred /= max(float(np.abs(centred).max()), 1e-300)
    products: np.ndarray = centred @ centred.T
    return products


# --- its weights ----------------------------------------------------------------------------------


def moved(weights: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """How far (before, after) of some weights are apart, as a share of their size before (Frobenius norms)."""
    change = size = 0.0
    for before, after in weights:
        change += float(np.square(after.astype(np.float64) - before).sum())
        size += float(np.square(before, dtype=np.float64).sum())
    return float(np.sqrt(change / size)) if size else 0.0


# --- what can be read off -------------------------------------------------------------------------


def probe(features: np.ndarray, labels: np.ndarray, learn: np.ndarray, read: np.ndarray) -> np.ndarray:
    """What a linear probe (Alain & Bengio 2016) says of the examples at `read`, having learnt from those at `learn`:
    bool (R,), right or wrong. features: float (N, D); labels: int (N,); learn, read: positions, int.

    A ridge regression onto the classes in which each class weighs the same, its penalty chosen by leaving one out.
    Raises ValueError where an example is both learnt from and read: that would measure memory. The caller answers for
    that no one at `read` taught the network either.
    """
    if np.intersect1d(learn, read).size:
        raise ValueError(_("a probe reads examples that were learnt from: its accuracy would be that of memory"))
    classes = np.unique(labels[learn])
    targets = (labels[learn][:, None] == classes).astype(np.float64)  # (L, C)
    weight = 1 / (targets @ targets.sum(0))
    weight = (weight / weight.sum())[:, None]  # (L, 1): classes weigh the same
    shift, scale = features[learn].mean(0, dtype=np.float64), features[learn].std(0, dtype=np.float64)
    inputs = (features - shift) / np.where(scale > 1e-9, scale, 1.0)
    centre, usual = (weight * inputs[learn]).sum(0), (weight * targets).sum(0)
    left, sizes, right = np.linalg.svd(np.sqrt(weight) * (inputs[learn] - centre), full_matrices=False)
    along = left.T @ (np.sqrt(weight) * (targets - usual))  # (R, C)
    penalties = PENALTIES * max(float(np.mean(sizes**2)), 1e-12)

    def left_out(penalty: float) -> float:
        """The weighted square error on examples that are left out one at a time."""
        kept = sizes**2 / (sizes**2 + penalty)
        residual = np.sqrt(weight) * (targets - usual) - left @ (kept[:, None] * along)
        own = (left**2 @ kept)[:, None] + weight
        return float(np.square(residual / np.maximum(1 - own, 1e-9)).sum())

    best = min(penalties, key=left_out)
    slopes = right.T @ ((sizes / (sizes**2 + best))[:, None] * along)  # (D, C)
    said = classes[((inputs[read] - centre) @ slopes + usual).argmax(1)]
    right_or_wrong: np.ndarray = said == labels[read]
    return right_or_wrong


# --- in words -------------------------------------------------------------------------------------


def sentences(found: dict[str, Any], unit: str) -> dict[str, str]:
    """What a run's layers.json comes to, a plain sentence for each of 'similarity', 'moved' and 'probes'; 'unchanged'
    alone where nothing but the head learnt."""
    if not found["changed"]:
        return {
            "unchanged": _("Nothing changed inside: the network stayed as it came, and only a new head learnt on it.")
        }
    stages = found["stages"]
    compared = [stage for stage in stages if stage["similarity"] is not None]
    told = {"similarity": _("It cannot be told: too few examples, or the same answer to each of them.")}
    if compared:
        most = min(compared, key=lambda stage: stage["similarity"])
        alike = sum(stage["similarity"] >= MUCH_ALIKE for stage in compared)
        told["similarity"] = _(
            "{alike} of {compared} stages see your {unit} much as before (similarity "
            "{much_alike} or more); stage {name} changed most ({similarity:.2f}; 1 is the same).",
            alike=alike,
            compared=len(compared),
            unit=unit,
            much_alike=MUCH_ALIKE,
            name=most["name"],
            similarity=most["similarity"],
        )
    furthest, still = max(stages, key=lambda stage: stage["moved"]), sum(not stage["moved"] for stage in stages)
    stayed = _("; {still} of {stages} stages did not move", still=still, stages=len(stages)) if still else ""
    share = f"{100 * furthest['moved']:.2g} %"
    told["moved"] = _(
        "Weights moved most in stage {name}, by {share} of their size{stayed}.",
        name=furthest["name"],
        share=share,
        stayed=stayed,
    )
    last, apart = stages[-1], found["difference"]
    before, after = last["before"]["value"], last["after"]["value"]
    if apart["low"] > 0 or apart["high"] < 0:
        verdict = _(
            "{value:.0f} points {more} for these two networks",
            value=100 * abs(apart["value"]),
            more=_("more") if apart["value"] > 0 else _("less"),
        )
    else:
        verdict = _("no difference that {n:,} {unit} can show", n=found["n"], unit=unit)
    told["probes"] = _(
        "Behind the last stage a plain linear probe gets {before:.0%} of {n:,} held-out "
        "{unit} right before and {after:.0%} after (each class weighing the same): {verdict}.",
        before=before,
        n=found["n"],
        unit=unit,
        after=after,
        verdict=verdict,
    )
    return told
