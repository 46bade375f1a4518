"""What one gets who never looks at a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.vision.detection.annotated import AnnotatedPicture
from engines.vision.detection.evaluation.metrics import Found


def usual_boxes(learnt: Sequence[AnnotatedPicture], sizes: Sequence[tuple[int, int]], classes: int) -> list[Found]:
    """The same on every picture: of each class its middle box, as shares of the picture, as sure as it is common.

    `sizes`: width and height of each picture to answer for.
    """
    shares: list[list[np.ndarray]] = [[] for _each in range(classes)]
    for picture in learnt:
        edges = np.array([picture.width, picture.height, picture.width, picture.height], dtype=float)
        for box, label in zip(picture.boxes, picture.labels, strict=True):
            shares[label].append(box / edges)
    known = [label for label in range(classes) if shares[label]]
    boxes = np.array([np.median(shares[label], axis=0) for label in known]).reshape(-1, 4)
    counts = np.array([len(shares[label]) for label in known], dtype=float)
    order = np.argsort(-counts, kind="stable")
    scores = counts[order] / max(1.0, counts.sum())
    labels = np.array(known, dtype=np.int64)[order]
    return [Found(boxes[order] * [width, height, width, height], labels, scores) for width, height in sizes]
