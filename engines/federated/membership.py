"""Can somebody who has the model tell who was in its training data? A test of that, which must first find what is
there.

The attack asks how much the model speaks for an example's own class: a model that has learnt by heart does so more for
those it has seen (Yeom et al. 2018, 'Privacy risk in machine learning: analyzing the connection to overfitting'). AUC:
how often a member scores above one that is none, .5 by chance. A control that has learnt by heart on the same features
goes through the same test: where that is not found (AUC below FINDS), nothing may be said of the model.

It is one attack, and a weak one beside those that train shadow models: that it finds nothing proves nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.stats import rankdata

from engines.contract import Estimate, Features
from engines.federated import ridge
from engines.federated.ridge import Head
from engines.federated.statistics import of_site
from engines.messages import _

FINDS = 0.7
BY_HEART = 1e-9
"""λ of the control."""
DRAWS = 1000


def auc(members: np.ndarray, others: np.ndarray) -> float:
    """How often a score of `members` is above one of `others`; ties count half."""
    ranks = rankdata(np.concatenate([members, others]))
    above = ranks[: len(members)].sum() - len(members) * (len(members) + 1) / 2
    return float(above / (len(members) * len(others)))


def estimate(members: np.ndarray, others: np.ndarray, seed: int = 0) -> Estimate:
    """The AUC, with a 95 % bootstrap interval over members and others."""
    rng = np.random.default_rng(seed)
    drawn = [auc(rng.choice(members, len(members)), rng.choice(others, len(others))) for _unused in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = auc(members, others)
    return Estimate(value, min(float(low), value), max(float(high), value), len(members) + len(others))


def tested(
    logits: np.ndarray, learnt: Features, other_logits: np.ndarray, others: Features, seed: int
) -> dict[str, Any]:
    """Of logits (N, C) on what was learnt from and on what was not: `value`, `control` (estimates as dicts), `verdict`
    ('found', 'none_found', 'cannot_tell') and `text`."""
    own = estimate(spoken_for(logits, learnt.targets), spoken_for(other_logits, others.targets), seed)
    known = control(learnt, others, seed)
    verdict = "cannot_tell" if known.value < FINDS else "found" if own.low > 0.5 else "none_found"
    numbers = {"value": own.value, "low": own.low, "high": own.high, "control": known.value, "n": own.n}
    text = {
        "cannot_tell": _(
            "Whether the model gives away who was in its data cannot be told: the test does not even find a head "
            "that has "
            "learnt by heart (AUC {control:.2f}, .50 is chance).",
            **numbers,
        ),
        "found": _(
            "Whoever has the model can tell better than by chance who was in its data: AUC {value:.2f} ({low:.2f} to "
            "{high:.2f}, {n:,} examples; .50 is chance). A head that has learnt by heart: {control:.2f}.",
            **numbers,
        ),
        "none_found": _(
            "This test cannot tell who was in the model's data: AUC {value:.2f} ({low:.2f} to {high:.2f}, {n:,} "
            "examples; .50 "
            "is chance). It does find a head that has learnt by heart ({control:.2f}). A cleverer test may find more.",
            **numbers,
        ),
    }[verdict]
    return {"value": asdict(own), "control": asdict(known), "verdict": verdict, "text": text}


def spoken_for(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float (N,): how far an example's own class is ahead of the best other one."""
    rows = np.arange(len(labels))
    others = logits.astype(np.float64).copy()
    own = others[rows, labels].copy()
    others[rows, labels] = -np.inf
    found: np.ndarray = own - others.max(1)
    return found


def control(learnt: Features, others: Features, seed: int) -> Estimate:
    """The same test of a head that has learnt by heart: of so few members that its features can tell each apart."""
    rng = np.random.default_rng(seed)
    n = min(len(learnt.targets), max(4, learnt.values.shape[1] // 2))
    chosen = rng.permutation(len(learnt.targets))[:n]
    values, labels = learnt.values[chosen], learnt.targets[chosen]
    present = np.unique(labels)
    keep = np.isin(others.targets, present)
    if len(present) < 2 or not keep.any():
        return Estimate(0.5, 0.0, 1.0, n)
    names = [f"{label:06d}" for label in present]
    head: Head = ridge.solver(of_site(values, np.searchsorted(present, labels), names))(BY_HEART)
    asked, theirs = others.values[keep], np.searchsorted(present, others.targets[keep])
    return estimate(
        spoken_for(head.answers(values), np.searchsorted(present, labels)),
        spoken_for(head.answers(asked), theirs),
        seed,
    )
