"""Everything that is told of data without labels, written into one folder.

map.parquet      a row an example: file, x, y (t-SNE), pca_x, pca_y, cluster, outlier, lof, unlike, duplicate_of, order,
                 preview
found.json       the answer of `python -m engines explore`
and what `store` keeps beside them
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.contract import InputError, Problem, Progress, Task
from engines.messages import _
from engines.unlabelled import clusters, label_first, oddities, projection, store
from engines.unlabelled.examples import MOST, Unlabelled, require_some

USUAL_CLUSTERS = 8
SHOWN_FIRST = 60
"""Examples that are put in the order in which to label them."""


def explore(
    task: Task,
    data: Path,
    out: Path,
    *,
    k: int | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Looks through `data` and writes what was found below `out`, which is made. `k`: how many clusters.

    Answers n, there, kind, unit, clusters (number, n, medoid), unlike and copies (names), first (names, in the order to
    label them), notes, skipped; of a table of texts also column and columns. Raises InputError for a task whose data
    cannot be looked through, for too few examples, and for a `k` that they do not allow.
    """
    try:
        verb = task.verb("embed")
    except NotImplementedError:
        accepted = _("accepted: a task of pictures, texts, voices or series, such as vision.classification")
        raise InputError(
            Problem(task.info.name, _("its data cannot be looked through without labels"), accepted)
        ) from None
    chosen = task.settings.parse(settings or {})
    made_of = store.state(data, task.info.name, chosen.changed(), seed)
    out.mkdir(parents=True, exist_ok=True)
    found: Unlabelled | None = store.known(out, made_of)
    is_new = found is None
    if found is None:
        found = verb.look_through(task, data, chosen, seed, out, progress)
        require_some(found, data.name)
    k = _possible(k, found, data.name)
    points = projection.reduced(found.vectors, seed)
    if is_new:
        store.keep(found, points, projection.plane(points, seed), out, made_of)
    groups, middles = _grouped(points, k, seed)
    seen = oddities.pixels([out / preview for preview in found.previews]) if found.kind == "pictures" else None
    same = oddities.copies(found.vectors, found.alike, seen)
    far, thin = oddities.far_from_others(points), oddities.thinner_than_around(points)
    unlike = oddities.unlike(far, thin)
    copies = np.flatnonzero(same >= 0).tolist()
    first = label_first.order(points, k, min(SHOWN_FIRST, len(points)), seed, without=copies)
    names, turn = found.names, {position: number for number, position in enumerate(first, 1)}
    plane, flat = np.load(out / store.PLANE), np.pad(points, ((0, 0), (0, 1)))  # of one component the other is 0
    columns = {
        "file": names,
        "x": plane[:, 0].round(3),
        "y": plane[:, 1].round(3),
        "pca_x": flat[:, 0].round(5),
        "pca_y": flat[:, 1].round(5),
        "cluster": groups,
        "outlier": far.round(5),
        "lof": thin.round(4),
        "unlike": unlike.round(4),
        "duplicate_of": [names[i] if i >= 0 else None for i in same.tolist()],
        "order": [turn.get(position) for position in range(len(names))],
        "preview": found.previews,
    }
    pq.write_table(pa.table(columns), out / store.MAP)
    answer = {
        "task": task.info.name,
        "kind": found.kind,
        "unit": "series" if found.kind == "series" else task.info.unit,
        "n": len(names),
        "there": found.there,
        "seed": seed,
        "clusters": [
            {"number": i, "n": int((groups == i).sum()), "medoid": names[middle]} for i, middle in enumerate(middles)
        ],
        "unlike": [names[i] for i in np.argsort(-unlike, kind="stable")[:12].tolist()],
        "copies": [[names[i], names[int(same[i])]] for i in copies],
        "first": [names[i] for i in first],
        "notes": [*_sampled(found, seed), *_set_aside(found), *found.notes],
        **({"column": found.column, "columns": found.columns} if found.columns else {}),
        "skipped": [{"where": entry.where, "reason": entry.reason} for entry in found.skipped],
    }
    partial = out / f".{store.FOUND}"
    partial.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
    partial.replace(out / store.FOUND)  # last: a folder that has it is complete
    return answer


def _grouped(points: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, list[int]]:
    """The group of each point, int64 (N,), the largest group first, and which point is nearest to each one's centre."""
    found = clusters.kmeans(points, k, seed)
    by_size = np.argsort(-np.bincount(found.assigned, minlength=k), kind="stable")
    middles = clusters.distances(points, found.centres[by_size]).argmin(0)
    return np.argsort(by_size)[found.assigned], middles.tolist()


def _possible(k: int | None, found: Unlabelled, where: str) -> int:
    """The number of clusters. Raises InputError for one that these examples do not allow."""
    different = len(np.unique(found.vectors.round(5), axis=0))
    if k is None:
        return max(2, min(USUAL_CLUSTERS, different // 2))
    if not 2 <= k <= different:
        what = _("found {k} clusters for {names:,} {kind}", k=k, names=len(found.names), kind=found.kind)
        what += _(", {different:,} of them different", different=different) if different < len(found.names) else ""
        raise InputError(Problem(where, what, _("accepted: 2 to {different:,}", different=different)))
    return k


def _sampled(found: Unlabelled, seed: int) -> list[str]:
    if found.there <= len(found.names) + len(found.skipped) or found.there <= MOST:
        return []
    return [
        _(
            "{most:,} of the {there:,} {kind} were drawn (seed {seed}) and looked at; the others were not.",
            most=MOST,
            there=found.there,
            kind=found.kind,
            seed=seed,
        )
    ]


def _set_aside(found: Unlabelled) -> list[str]:
    if not found.came_as:
        return []
    return [
        _(
            "These {kind} came with labels. They are set aside: only the truth beside your own labels is theirs.",
            kind=found.kind,
        )
    ]
