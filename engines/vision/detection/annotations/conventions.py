"""What the four numbers of a box mean: from any convention to pixels, and which one fits the pictures.

Formats say what their numbers mean, and people write other numbers into them. A convention fits a box where the box,
so read, has an area and lies on its picture; the one that the format prescribes stays unless another fits clearly more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.contract import ReadAs
from engines.messages import _
from engines.vision.detection.annotations.settings import CONVENTIONS, USUAL

FEWER = 0.05
"""By how much less of the boxes the format's own convention has to fit before another is believed."""
ENOUGH = 0.9
"""Of the boxes that another convention has to fit."""
LOOKED_AT = 20_000
"""Boxes, spread over all."""
OVERHANG = 0.01
"""Of the picture's side: so much may a box that was drawn by hand go over the edge."""


def pixels(numbers: np.ndarray, convention: str, sizes: np.ndarray) -> np.ndarray:
    """Boxes as x0 y0 x1 y1 in pixels, float64 (N, 4), of `numbers`, float64 (N, 4), in that convention.

    `sizes`, float64 (N, 2) or (2,), are width and height of their pictures. Nothing is judged: NaN stays NaN."""
    meaning, _unused, unit = convention.partition("-")
    sides = np.concatenate([sizes, sizes], axis=-1)
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite numbers, which the judge leaves out
        values = numbers * sides if unit == "shares" else numbers
        first, second = values[..., :2], values[..., 2:]
        if meaning == "xywh":
            return np.concatenate([first, first + second], axis=-1)
        if meaning == "cxcywh":
            return np.concatenate([first - second / 2, first + second / 2], axis=-1)
    return np.concatenate([first - 1, second], axis=-1) if unit == "from-1" else values


def written(boxes: np.ndarray, convention: str, size: tuple[int, int]) -> np.ndarray:
    """The inverse of `pixels`: the numbers of boxes, float64 (N, 4), in that convention."""
    meaning, _unused, unit = convention.partition("-")
    first, second = boxes[:, :2], boxes[:, 2:]
    if unit == "from-1":
        first = first + 1
    if meaning == "xywh":
        second = second - first
    elif meaning == "cxcywh":
        first, second = (first + second) / 2, second - first
    values = np.concatenate([first, second], axis=1)
    return values / np.array([*size, *size], float) if unit == "shares" else values


@dataclass(frozen=True)
class Guess:
    """Which convention was taken."""

    convention: str
    read_as: ReadAs


def guess(form: str, asked: str, numbers: np.ndarray, sizes: np.ndarray) -> Guess:
    """The convention of all boxes of a data set in the format `form`: `asked`, or with 'auto' the one that fits.

    `numbers` are float64 (N, 4) as written, `sizes` float64 (N, 2) width and height of their pictures.
    """
    step = max(1, len(numbers) // LOOKED_AT)
    numbers, sizes = numbers[::step], sizes[::step]
    usual = _usual(form, numbers)
    rivals = [name for name in CONVENTIONS if name != usual]
    share = {name: fit(numbers, name, sizes) for name in (usual, *rivals)}
    rivals.sort(key=lambda name: -share[name])
    best = rivals[0]
    if asked != "auto":
        others = [name for name in (usual, *rivals) if name != asked]
        return Guess(asked, ReadAs(_("boxes"), asked, others, "boxes", _fits(asked, share[asked])))
    if share[best] >= ENOUGH and share[best] - share[usual] > FEWER:
        why = _(
            "By their format they would be {usual}, and {share:.0%} of them would be boxes on their pictures. {fits}",
            usual=CONVENTIONS[usual],
            share=share[usual],
            fits=_fits(best, share[best]),
        )
        others = [usual, *rivals[1:]]
        return Guess(best, ReadAs(_("boxes"), best, others, "boxes", why))
    return Guess(usual, ReadAs(_("boxes"), usual, rivals, "boxes", _fits(usual, share[usual])))


def fit(numbers: np.ndarray, convention: str, sizes: np.ndarray) -> float:
    """The share of boxes that, so read, are at least a pixel wide and high and lie on their pictures; 1 of none."""
    if not len(numbers):
        return 1.0
    boxes = pixels(numbers, convention, sizes)
    with np.errstate(invalid="ignore", over="ignore"):
        # as written, without the pixel that counting from 1 adds: shares would be large by it
        measured = numbers if convention == "xyxy-from-1" else boxes
        large = (measured[:, 2:] - measured[:, :2] >= 1).all(axis=1)
        room = np.maximum(OVERHANG * sizes, 1)
        on = (boxes[:, :2] >= -room).all(axis=1) & (boxes[:, 2:] <= sizes + room).all(axis=1)
    return float((large & on).mean())


def _usual(form: str, numbers: np.ndarray) -> str:
    """What the format prescribes. VOC counts pixels from 1; where some box begins at 0, these were counted from 0."""
    if form == "voc" and len(numbers) and np.nanmin(numbers[:, :2], initial=1) < 0.5:
        return "xyxy"
    return USUAL[form]


def _fits(convention: str, share: float) -> str:
    return _("As {meaning}, {share:.0%} are.", meaning=CONVENTIONS[convention], share=share)
