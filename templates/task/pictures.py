"""A signal as a picture: in the gallery, among the mistakes, and where it decided.

To change: what a person looks at. Texts need none: a gallery shows what stands under 'text'.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE, FINER = 160, 4
GREY, ORANGE = (128, 138, 150, 255), (232, 113, 10)


def draw(values: np.ndarray, out: Path, heat: np.ndarray | None = None) -> Path:
    """A PNG of SIDE pixels square, on no ground; orange where `heat`, float (T,) in [0, 1], is high. values: (T,)"""
    side = SIDE * FINER
    image = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(image)
    x = np.linspace(0.04, 0.96, len(values)) * side
    low, high = float(values.min()), float(values.max())
    y = (0.92 - 0.84 * (values - low) / (high - low if high > low else 1.0)) * side
    for left, right, strength in zip(x, x[1:], [] if heat is None else heat, strict=False):
        pen.rectangle((left, 0, right, side), fill=(*ORANGE, round(220 * float(strength))))
    pen.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=GREY, width=3 * FINER, joint="curve")
    out.parent.mkdir(parents=True, exist_ok=True)
    image.resize((SIDE, SIDE)).save(out)
    return out
