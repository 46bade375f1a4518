"""What only the detector's page reads of a result, and what model card and report say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engines.evidence import intervals
from engines.evidence.verdict import FEWEST_A_CLASS
from engines.messages import _, _n
from engines.vision.detection.evaluation import metrics
from engines.vision.detection.evaluation.metrics import Found, Matches
from engines.vision.detection.opening import Opened
from engines.vision.detection.settings import DetectionSettings

POINTS = 60
"""Of a class's curve, at most."""


def found(
    found: Sequence[Found], truth: Sequence[Found], matches: Matches, classes: Sequence[str], threshold: dict[str, Any]
) -> dict[str, Any]:
    """`classes`; `threshold` (value, f1 and n where it was chosen; precision and recall on the test from it on);
    `per_class` (class, n boxes; recall and precision from the threshold on, with the recall's low and high; ap50 with
    ap50_low and ap50_high, ap); `sizes` (name, n, map50, map); `curves` (class, recall, precision, score)."""
    right, missed, false = metrics.at_threshold(matches, threshold["value"])
    told = {"precision": right / max(1, right + false), "recall": right / max(1, right + missed)}
    return {
        "classes": list(classes),
        "threshold": threshold | told | {"found": right, "missed": missed, "false": false},
        "per_class": per_class(matches, classes, threshold["value"]),
        "sizes": sizes(found, truth, len(classes)),
        "curves": [curve(matches, number, name) for number, name in enumerate(classes)],
    }


def per_class(matches: Matches, classes: Sequence[str], threshold: float) -> list[dict[str, Any]]:
    precisions, drawn = matches.precisions(), matches.drawn()
    rows = []
    for number, name in enumerate(classes):
        n = int(matches.there[:, number].sum())
        own = (matches.label == number) & (matches.score >= threshold)
        right = int((own & matches.right[:, 0]).sum())
        hits = np.zeros(n, dtype=bool)
        hits[:right] = True
        recall = intervals.accuracy(hits) if n else None
        ap = metrics.interval(float(precisions[number, 0]), drawn[:, number], n) if n else None
        rows.append(
            {
                "class": name,
                "n": n,
                "recall": recall and recall.value,
                "low": recall and recall.low,
                "high": recall and recall.high,
                "precision": right / int(own.sum()) if own.any() else None,
                "ap50": ap and ap.value,
                "ap50_low": ap and ap.low,
                "ap50_high": ap and ap.high,
                "ap": float(precisions[number].mean()) if n else None,
            }
        )
    return rows


def sizes(found: Sequence[Found], truth: Sequence[Found], classes: int) -> list[dict[str, Any]]:
    """By COCO's areas of a box: below 32 x 32 pixels, below 96 x 96, and above."""
    rows = []
    for name, area in metrics.SIZES.items():
        own = metrics.matched(found, truth, classes, area)
        n = int(own.there.sum())
        rows.append(
            {
                "name": name,
                "n": n,
                "map50": own.mean(overlaps=slice(0, 1)) if n else None,
                "map": own.mean() if n else None,
            }
        )
    return rows


def curve(matches: Matches, number: int, name: str) -> dict[str, Any]:
    """Precision and recall of a class as the threshold falls, thinned."""
    recall, precision, score = matches.curve(number)
    at = np.unique(np.linspace(0, len(recall) - 1, min(POINTS, len(recall))).round().astype(int))
    return {
        "class": name,
        "recall": recall[at].round(4).tolist(),
        "precision": precision[at].round(4).tolist(),
        "score": score[at].round(4).tolist(),
    }


def card(opened: Opened) -> dict[str, Any]:
    """What model card and report say in words of the task's own."""
    boxes = sum(opened.counted("train").values())
    tested = sum(opened.counted("test").values())
    return {
        "learnt_from": _("{pictures:,} pictures with {boxes:,} boxes", pictures=len(opened.at("train")), boxes=boxes),
        "tested_on": _("pictures that it never saw, with {boxes:,} boxes", boxes=tested),
        "drawn": _(" (bootstrap over pictures)"),
        "rows": {"map": "mAP@.5:.95", "usual_boxes": _("baseline: the usual boxes, without looking")},
        "limits": _(
            "It finds only its classes. What is small on the picture is found less often: see the numbers by size."
        ),
    }


def too_few(counts: Mapping[str, int]) -> str:
    """Why a test with so few boxes of some class decides nothing; empty where it has enough."""
    least = min((count for count in counts.values() if count), default=0)
    if least >= FEWEST_A_CLASS:
        return ""
    has = _n("{n} test box", "{n} test boxes", least)
    return _("one class has {has}, and it takes {fewest} of each to say more", has=has, fewest=FEWEST_A_CLASS)


def relative_cost(settings: DetectionSettings) -> float:
    """What a picture costs, compared with one as on the cards."""
    return (settings.image_size / DetectionSettings().image_size) ** 2
