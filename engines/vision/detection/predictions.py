"""predictions.parquet of a detector: a row a test picture, with what is there and what was found."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.contract import Run
from engines.messages import _
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.networks.decode import overlaps
from engines.vision.detection.prepare import Prepared
from engines.vision.images import reading

MOST_THUMBNAILS = 1000
THUMBNAIL_PIXELS = 320
ENOUGH = 0.5
"""Overlap with a true box of its class from which on a box is right."""


def write(run: Run, prepared: Prepared, found: list[Found], threshold: float) -> None:
    """file, label and predicted (the classes there, and those found from the threshold on, in words), width, height
    (pixels), truth (JSON: label, box), boxes (JSON: label, score, box, right), found, missed and false (counts at the
    threshold), thumbnail (relative to the run, or null)."""
    opened = prepared.opened
    rows: list[dict[str, Any]] = []
    (run.path / "thumbnails").mkdir(parents=True, exist_ok=True)
    for number, (position, own) in enumerate(zip(opened.at("test").tolist(), found, strict=True)):
        picture = opened.pictures[position]
        right = matched(own, picture.boxes, picture.labels)
        sure = own.scores >= threshold
        hits = int((right & sure).sum())
        thumbnail = f"thumbnails/{position:06d}.jpg" if number < MOST_THUMBNAILS else None
        if thumbnail:
            reading.thumbnail(picture.path, run.path / thumbnail, THUMBNAIL_PIXELS)
        rows.append(
            {
                "file": picture.name,
                "label": in_words([opened.classes[i] for i in picture.labels]),
                "predicted": in_words([opened.classes[i] for i in own.labels[sure]]),
                "width": picture.width,
                "height": picture.height,
                "truth": json.dumps(
                    [
                        {"label": opened.classes[i], "box": rounded(box)}
                        for box, i in zip(picture.boxes, picture.labels, strict=True)
                    ],
                    ensure_ascii=False,
                ),
                "boxes": json.dumps(
                    [row | {"right": bool(hit)} for row, hit in zip(boxes_of(own, opened.classes), right, strict=True)],
                    ensure_ascii=False,
                ),
                "found": hits,
                "missed": len(picture.labels) - hits,
                "false": int(sure.sum()) - hits,
                "thumbnail": thumbnail,
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), run.path / "predictions.parquet")


def boxes_of(found: Found, classes: list[str]) -> list[dict[str, Any]]:
    """As `predict` answers them: label, score, box (x0, y0, x1, y1 in pixels of the picture)."""
    return [
        {"label": classes[label], "score": round(float(score), 4), "box": rounded(box)}
        for box, label, score in zip(found.boxes, found.labels, found.scores, strict=True)
    ]


def rounded(box: np.ndarray) -> list[float]:
    return [round(float(edge), 2) for edge in box]


def matched(found: Found, boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """bool (N,): whether each box found, the surest first, is the one of something that is there."""
    right = np.zeros(len(found.labels), dtype=bool)
    if not len(labels) or not len(right):
        return right
    shared = overlaps(found.boxes, boxes) * (found.labels[:, None] == labels[None, :])
    free = np.ones(len(labels), dtype=bool)
    for number, own in enumerate(shared):
        best = int(np.where(free, own, -1.0).argmax())
        if free[best] and own[best] >= ENOUGH:
            right[number], free[best] = True, False
    return right


def in_words(labels: list[str]) -> str:
    """'2 cat, dog'; 'nothing'."""
    counts = {label: labels.count(label) for label in dict.fromkeys(labels)}
    return ", ".join(f"{n} {label}" if n > 1 else label for label, n in counts.items()) or _("nothing")
