"""What comes next while somebody labels, and how well what they have named so far can be told apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from engines.contract import InputError, Problem
from engines.messages import _
from engines.unlabelled import head, label_first, store

MOST_POINTS = 24
"""Of the curve."""


@dataclass(frozen=True)
class Progress:
    """Where somebody stands."""

    labels: Sequence[tuple[str, str]]
    """(name, class) of each labelled example, in the order in which they were labelled."""
    passed_over: Collection[str] = field(default_factory=tuple)
    """Names that were skipped for now: they come back when nothing else is left."""
    left_out: Collection[str] = field(default_factory=tuple)
    """Names that are never asked about."""


def suggest(folder: Path, so_far: Progress, *, a_round: int, wanted: int = 20, seed: int = 0) -> dict[str, Any]:
    """What `explore` left in `folder`, labelled on.

    Answers `next` (names, most useful first; to begin with as map.parquet's `order`), `curve` (after so many labels:
    labels, left_out and rest, each value, low, high, n or null), and `classes` (name -> examples). `rest` is on all
    that is not labelled, by the labels that came with the data, where they are the same classes. Raises InputError for
    a folder that holds no exploration.
    """
    if not (folder / store.FOUND).is_file():
        raise InputError(
            Problem(folder.name, _("nothing has been looked through there"), _("accepted: what `explore` wrote"))
        )
    table = pq.read_table(folder / store.MAP, columns=["file", "duplicate_of"]).to_pydict()
    names: list[str] = table["file"]
    place = {name: i for i, name in enumerate(names)}
    vectors = np.load(folder / store.VECTORS, mmap_mode="r")
    labelled = [(place[name], label) for name, label in so_far.labels if name in place]
    without = {place[name] for name in so_far.left_out if name in place}
    without |= {i for i, own in enumerate(table["duplicate_of"]) if own is not None}
    passed = {place[name] for name in so_far.passed_over if name in place}
    known = [i for i, _ in labelled]
    points = np.load(folder / store.POINTS)
    asked = label_first.order(points, a_round, wanted + len(passed), seed, known=known, without=without - set(known))
    later = [i for i in asked if i in passed]
    following = [*(i for i in asked if i not in passed), *later][:wanted]
    came_as = (store.details(folder) or {}).get("came_as") or []
    return {
        "next": [names[i] for i in following],
        "classes": {label: sum(own == label for _, own in labelled) for _, label in labelled},
        "curve": curve(np.asarray(vectors), labelled, came_as),
    }


def curve(vectors: np.ndarray, labelled: Sequence[tuple[int, str]], came_as: Sequence[str]) -> list[dict[str, Any]]:
    """Both accuracies after so many labels, at MOST_POINTS numbers of labels at most, the last one among them."""
    classes = sorted({label for _, label in labelled})
    known = np.array([i for i, _ in labelled], dtype=np.int64)
    codes = np.array([classes.index(label) for _, label in labelled], dtype=np.int64)
    truth = None
    if came_as and set(classes) <= set(came_as):
        every = {name: i for i, name in enumerate([*classes, *sorted(set(came_as) - set(classes))])}
        truth = np.array([every[label] for label in came_as])
    found: list[dict[str, Any]] = []
    if len(labelled) < 2:
        return found
    for n in np.unique(np.linspace(2, len(labelled), MOST_POINTS).round().astype(int)).tolist():
        own, labels = known[:n], codes[:n]
        rest = None if truth is None else head.on_the_rest(vectors, own, labels, truth)
        own_word = head.left_out(vectors[own], labels)
        found.append({"labels": n, "left_out": head.told(own_word), "rest": head.told(rest)})
    return found
