"""From what a detector says at each place to boxes, in numpy alone: so an ONNX file needs nothing else beside it."""

import functools

import numpy as np

STRIDES = (16, 32, 64)
"""Pixels between two places of each level of the pyramid."""
MOST = 100
"""Boxes of a picture, the surest first."""
CANDIDATES = 400
"""Places and classes of a picture that are looked at, the surest first."""
SAME = 0.6
"""Overlap (intersection over union) from which on two boxes of a class are the same thing: the surer one stays."""
FLOOR = 0.05
"""Scores below are of no use to anybody."""


@functools.cache
def places(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a square input of `size` pixels: the middle of each place, float32 (A, 2) in pixels, x first, and its stride,
    float32 (A,). Levels in order, row by row."""
    middles, strides = [], []
    side = size
    for stride in STRIDES:
        side = -(-size // 16) if stride == 16 else -(-side // 2)
        steps = (np.arange(side, dtype=np.float32) + 0.5) * stride
        rows, columns = np.meshgrid(steps, steps, indexing="ij")
        middles.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full(side * side, stride, dtype=np.float32))
    return np.concatenate(middles), np.concatenate(strides)


def boxes_of(said: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Of one picture: boxes float64 (N, 4) in pixels of the input, x0 y0 x1 y1 within it; scores (N,) in [0, 1], the
    surest first; classes int64 (N,); and how many answers were no numbers, which are left out.

    said: float (A, classes + 5), see `detector.Head`.
    """
    middles, strides = places(size)
    said = np.asarray(said, dtype=np.float64)
    usable = np.isfinite(said).all(1)
    said, middles, strides = said[usable], middles[usable].astype(np.float64), strides[usable].astype(np.float64)
    classes = said.shape[1] - 5
    scores = np.sqrt(_sigmoid(said[:, :classes]) * _sigmoid(said[:, -1:]))  # (A, classes)
    flat = scores.ravel()
    order = np.argsort(-flat, kind="stable")[:CANDIDATES]
    order = order[flat[order] >= FLOOR]
    place, label = order // classes, order % classes
    reach = said[place, classes : classes + 4] * strides[place, None]
    boxes = np.concatenate([middles[place] - reach[:, :2], middles[place] + reach[:, 2:]], axis=1).clip(0, size)
    real = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes, label, sure = boxes[real], label[real], flat[order][real]
    kept = surest(boxes, label)[:MOST]
    return boxes[kept], sure[kept], label[kept].astype(np.int64), int((~usable).sum())


def boxes_of_candidates(said: np.ndarray, size: int, same: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The same, of a detector that says boxes: float (A, 4 + classes), x0 y0 x1 y1 in pixels of the input and how sure
    each class is, in [0, 1]. `same` takes the place of SAME; above 1 nothing is left out."""
    said = np.asarray(said, dtype=np.float64)
    usable = np.isfinite(said).all(1)
    said = said[usable]
    classes = said.shape[1] - 4
    flat = said[:, 4:].ravel()
    order = np.argsort(-flat, kind="stable")[:CANDIDATES]
    order = order[flat[order] >= FLOOR]
    boxes, label, sure = said[order // classes, :4].clip(0, size), order % classes, flat[order]
    real = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes, label, sure = boxes[real], label[real], sure[real]
    kept = surest(boxes, label, same)[:MOST]
    return boxes[kept], sure[kept], label[kept].astype(np.int64), int((~usable).sum())


def surest(boxes: np.ndarray, labels: np.ndarray, same: float = SAME) -> np.ndarray:
    """int64 (K,): which of the boxes, the surest first, are left when of several of one thing the surest stays."""
    out = np.zeros(len(boxes), dtype=bool)
    for label in np.unique(labels) if same < 1 else ():
        own = np.flatnonzero(labels == label)
        alike, gone = overlaps(boxes[own], boxes[own]) > same, np.zeros(len(own), dtype=bool)
        for number in range(len(own)):
            if not gone[number]:
                gone[number + 1 :] |= alike[number, number + 1 :]
        out[own] = gone
    return np.flatnonzero(~out)


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of each of float (N, 4) with each of float (M, 4): float (N, M)."""
    a, b = np.asarray(one, dtype=np.float64).T[:, :, None], np.asarray(other, dtype=np.float64).T[:, None, :]
    across = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    down = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    both = across.clip(0) * down.clip(0)
    areas = [(own[2] - own[0]) * (own[3] - own[1]) for own in (a, b)]
    return np.asarray(both / np.maximum(areas[0] + areas[1] - both, 1e-12))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))


def frame(width: int, height: int, size: int) -> tuple[float, float, int, int]:
    """Where a picture lies on its square (`InputFormat.square`): pixels of the square a pixel across and down, and the
    left and upper edge."""
    scale = size / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return across / width, down / height, (size - across) // 2, (size - down) // 2


def on_square(boxes: np.ndarray, width: int, height: int, size: int) -> np.ndarray:
    """float (N, 4) in pixels of the picture -> in pixels of the square."""
    across, down, left, top = frame(width, height, size)
    return boxes * [across, down, across, down] + [left, top, left, top]


def on_picture(boxes: np.ndarray, width: int, height: int, size: int) -> np.ndarray:
    """float (N, 4) in pixels of the square -> in pixels of the picture, within it."""
    across, down, left, top = frame(width, height, size)
    back = (boxes - [left, top, left, top]) / [across, down, across, down]
    return np.asarray(back.clip(0, [width, height, width, height]))
