"""The one judge of boxes: what may be learnt from, what is cut to its picture, and what is left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.contract import Skipped
from engines.messages import _, _n

SMALLEST = 1.0
"""Pixels of a side: of less, losses grow without bound and nothing can be learnt."""
MOSTLY = 0.5
"""Of a box's area that has to lie on the picture."""
ROUNDING = 1.0
"""Pixels over the edge that nobody has to be told of."""
LISTED = 3
"""Places of boxes that are named in one sentence."""


@dataclass
class Judged:
    """Boxes that stand."""

    boxes: np.ndarray
    """float64 (M, 4), x0 y0 x1 y1 on the picture."""
    kept: np.ndarray
    """int64 (M,): which of the boxes that were judged."""
    skipped: list[Skipped] = field(default_factory=list)
    clamped: int = 0
    """Boxes of which the part over the edge was cut off."""


def judge(boxes: np.ndarray, labels: Sequence[str], size: tuple[int, int], where: str, places: Sequence[str]) -> Judged:
    """Judges the boxes of one picture, float64 (N, 4) as x0 y0 x1 y1 in its pixels; anything may stand in them.

    `labels`, `places` (N) are their classes and where each stands in the file `where`; `size` is width and height of
    the picture, pixels. A box that lies mostly on the picture is cut to it.
    """
    side = np.array([*size, *size], float)
    finite = np.isfinite(boxes).all(axis=1)
    known = np.where(finite[:, None], boxes, 0.0)
    inverted = finite & (known[:, 2:] < known[:, :2]).any(axis=1)
    flat = finite & ~inverted & (known[:, 2:] == known[:, :2]).any(axis=1)
    cut = np.clip(known, 0, side)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        inside = _area(cut) / np.maximum(_area(known), 1e-12)
    proper = finite & ~inverted & ~flat
    outside = proper & ~(inside >= MOSTLY)
    tiny = proper & ~outside & (cut[:, 2:] - cut[:, :2] < SMALLEST).any(axis=1)
    stand = proper & ~outside & ~tiny
    again = stand & _repeated(cut, labels, stand)
    over = stand & ~again & (np.abs(cut - known) > ROUNDING).any(axis=1)
    reasons = (
        (~finite, _("has a number that is none")),
        (inverted, _("ends before it begins")),
        (flat, _("has no area")),
        (outside, _("lies mostly outside its picture")),
        (tiny, _("is smaller than a pixel")),
        (again, _("is there twice")),
    )
    skipped = [
        Skipped(where, _said(reason, [places[place] for place in np.flatnonzero(those).tolist()]))
        for those, reason in reasons
        if those.any()
    ]
    kept = np.flatnonzero(stand & ~again)
    return Judged(cut[kept], kept, skipped, int(over.sum()))


def _said(reason: str, places: Sequence[str]) -> str:
    first = ", ".join(places[:LISTED])
    listed = first if len(places) <= LISTED else _("{first} and {n:,} more", first=first, n=len(places) - LISTED)
    return _n(
        "one box {reason}: {listed}",
        "{n:,} boxes, of which each {reason}: {listed}",
        len(places),
        reason=reason,
        listed=listed,
    )


def _area(boxes: np.ndarray) -> np.ndarray:
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides[:, 0] * sides[:, 1]


def _repeated(boxes: np.ndarray, labels: Sequence[str], stand: np.ndarray) -> np.ndarray:
    """bool (N,): the same box of the same class as one before it."""
    seen: set[tuple[object, ...]] = set()
    found = np.zeros(len(boxes), bool)
    for place in np.flatnonzero(stand).tolist():
        key = (labels[place], *boxes[place].tolist())
        found[place] = key in seen
        seen.add(key)
    return found
