"""Boxes of what was outlined: polygons, and the run-length masks of COCO."""

from __future__ import annotations

from engines.vision.detection.annotations.raw import Numbers, around, number

MOST_COUNTS = 1_000_000
MOST_SIDE = 100_000
"""Pixels of a mask's side."""


def box_of(segmentation: object) -> Numbers | None:
    """The box (left, top, right, bottom in pixels) around a COCO segmentation: polygons [[x, y, x, y, …], …], or a mask
    {'size': [height, width], 'counts': numbers or text}. None where it is neither."""
    if isinstance(segmentation, dict):
        return _of_mask(segmentation.get("size"), segmentation.get("counts"))
    if not isinstance(segmentation, list) or not segmentation:
        return None
    rings = segmentation if isinstance(segmentation[0], list) else [segmentation]
    corners = [number(value) for ring in rings if isinstance(ring, list) for value in ring[: len(ring) // 2 * 2]]
    return around(corners[::2], corners[1::2]) if len(corners) >= 6 else None


def _of_mask(size: object, counts: object) -> Numbers | None:
    """Runs of 0 and 1 in turn, column by column, as the COCO API keeps them (cocodataset/cocoapi, maskApi.c)."""
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(n, int) and 0 < n < MOST_SIDE for n in size):
        return None
    height, width = size
    runs = _unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or len(runs) > MOST_COUNTS or not all(isinstance(n, int) and n >= 0 for n in runs):
        return None
    if sum(runs) != height * width:
        return None
    at = 0
    left, top, right, bottom = width, height, -1, -1
    for one, run in enumerate(runs):
        if one % 2 and run:
            first, last = divmod(at, height), divmod(at + run - 1, height)
            left, right = min(left, first[0]), max(right, last[0])
            whole = first[0] != last[0]  # it goes on in the next column, so over the edge of this one
            top, bottom = min(top, 0 if whole else first[1]), max(bottom, height - 1 if whole else last[1])
        at += run
    return (left, top, right + 1, bottom + 1) if right >= 0 else None


def _unpacked(text: str) -> list[int] | None:
    """The runs in COCO's own packing: five bits a letter; from the third on, a run less the one before the last."""
    runs: list[int] = []
    value = shift = 0
    for letter in text[: 6 * MOST_COUNTS]:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            return None
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs
