"""Which examples to label first: those in the middle of groups of their own.

The rule was fixed before it was measured (docs/few_labels/label_first.md): k-means for as many groups as a person
expects classes, and of each group, the largest first, the example nearest to its centre; then again, with all that is
labelled as centres that stay, for as many groups more. Labels themselves decide nothing, so the order needs no training
and does not run after a wrong label. The first round is 'representative' sampling, as of Hacohen, Dekel & Weinshall
2022, 'Active learning on a budget: opposite strategies suit high and low budgets'.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from engines.unlabelled import clusters


def order(
    points: np.ndarray,
    a_round: int,
    wanted: int,
    seed: int,
    *,
    known: Sequence[int] = (),
    without: Collection[int] = (),
) -> list[int]:
    """Positions among the points, float (N, D), of the next `wanted` to label, `a_round` of them at a time.

    `known` are labelled already; `without` are those that are never asked about. Fewer where there are no more.
    """
    asked: list[int] = []
    open_ = [i for i in range(len(points)) if i not in set(known) and i not in set(without)]
    looked_at = np.array([i for i in range(len(points)) if i not in set(without)], dtype=np.int64)
    while len(asked) < wanted and open_:
        held = points[[*known, *asked]] if known or asked else None
        found = clusters.kmeans(points[looked_at], min(a_round, len(open_)), seed, held)
        asked += _medoids(points, looked_at, found, open_, 0 if held is None else len(held))
        open_ = [i for i in open_ if i not in set(asked)]
    return asked[:wanted]


def _medoids(
    points: np.ndarray, looked_at: np.ndarray, found: clusters.Clusters, open_: list[int], held: int
) -> list[int]:
    """The open point nearest to each centre that moved, of the largest group first; no point twice."""
    sizes = np.bincount(found.assigned, minlength=len(found.centres))[held:]
    chosen: list[int] = []
    for number in np.argsort(-sizes, kind="stable").tolist():
        own = looked_at[found.assigned == held + number]
        near = [i for i in own.tolist() if i in set(open_) and i not in chosen]
        near = near or [i for i in open_ if i not in chosen]
        if near:
            away = clusters.distances(points[near], found.centres[held + number][None])[:, 0]
            chosen.append(near[int(away.argmin())])
    return chosen
