"""A scan, whatever it was written as: numbers, the few tags that are kept, and how both become a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from engines.contract import InputError, Problem
from engines.messages import _
from engines.vision.medical.settings import AXES, RANGE, WINDOW

MOST_SLICES = 10
"""Of a volume where nobody says more."""
FULL = 0.1
"""A slice is left out where fewer of its pixels than that share are brighter than the volume's darkest."""


class UnreadableScan(Exception):
    """The message is one phrase that continues 'file 7 …'."""


@dataclass
class Scan:
    """What is kept of a DICOM or NIfTI file: nothing in it says whose it is."""

    values: np.ndarray
    """Frames of grey (F, H, W), of colour uint8 (F, H, W, 3), or a volume (X, Y, Z); in the unit that the file says."""
    is_volume: bool = False
    modality: str = ""
    """A code of DICOM's, such as 'CT'; '' where it says none that is known."""
    window: tuple[float, float] | None = None
    """Centre and width that the file asks to be shown."""
    curve: str = "LINEAR"
    """How values within the window become grey: LINEAR, LINEAR_EXACT or SIGMOID."""
    inverted: bool = False
    """Whether low values are white (MONOCHROME1)."""
    spacing: tuple[float, ...] = ()
    """Millimetres between rows and columns, or along a volume's three axes; () where it is not known."""
    notes: list[str] = field(default_factory=list)
    """Kinds of remark: 'nan', 'volumes', 'burned'."""

    def tags(self) -> dict[str, Any]:
        """All but the numbers, as JSON has them."""
        return {name: value for name, value in vars(self).items() if name != "values"}

    @classmethod
    def of(cls, values: np.ndarray, tags: dict[str, Any]) -> Scan:
        window, spacing = tags["window"], tuple(tags["spacing"])
        return cls(values, **tags | {"window": window and tuple(window), "spacing": spacing})


def parsed_window(written: str) -> tuple[float, float] | None:
    """Centre and width of '40/400'; None of the two words. Raises InputError."""
    if written in {WINDOW, RANGE, "auto"}:
        return None
    try:
        centre, width = map(float, written.split("/"))
        if not (np.isfinite(centre) and 1 <= width <= 1e9):
            raise ValueError
    except ValueError:
        accepted = _(
            "accepted: centre/width such as 40/400, '{as_written}' or '{whole}'", as_written=WINDOW, whole=RANGE
        )
        raise InputError(Problem("setting window", _("found '{written}'", written=written), accepted)) from None
    return centre, width


def pictures(scan: Scan, *, window: str, frames: str, axis: str, step: int | None) -> list[tuple[str, Image.Image]]:
    """What is shown of a scan, each by what it is called after the scan: '' or '-012'. Grey or RGB, uint8, with square
    pixels. Raises UnreadableScan where there is nothing to see."""
    low, high = _bounds(scan, window)
    if scan.is_volume:
        return _slices(scan, low, high, axis, step)
    count = len(scan.values)
    chosen = {"first": [0], "middle": [count // 2]}.get(frames, list(range(count)))
    rows, columns = scan.spacing or (1.0, 1.0)
    shown = []
    for frame in chosen:
        pixels = _grey(scan, scan.values[frame], low, high)
        shown.append((f"-{frame + 1:03d}" if count > 1 else "", _square(pixels, rows, columns)))
    return shown


def _slices(scan: Scan, low: float, high: float, axis: str, step: int | None) -> list[tuple[str, Image.Image]]:
    """Those with something on them, evenly spaced; upright, the head's front or top above, its right on the left."""
    along = AXES[axis]
    depth = scan.values.shape[along]
    darkest = float(scan.values.min())
    full = [
        at
        for at in range(depth)
        if (np.take(scan.values, at, along) > darkest + 0.05 * (high - darkest)).mean() >= FULL
    ]
    if not full:
        raise UnreadableScan(_("has no slice with anything on it"))
    every = step or max(1, -(-len(full) // MOST_SLICES))
    spacing = [value for number, value in enumerate(scan.spacing or (1.0, 1.0, 1.0)) if number != along]
    shown = []
    for at in full[every // 2 :: every] or full[:1]:
        plane = np.rot90(np.take(scan.values, at, along))[:, ::-1]
        shown.append((f"-{at + 1:03d}", _square(_grey(scan, plane, low, high), spacing[1], spacing[0])))
    return shown


def _bounds(scan: Scan, window: str) -> tuple[float, float]:
    """The values that are black and white."""
    centre_width = parsed_window(window) or (None if window == RANGE else scan.window)
    if centre_width:
        centre, width = centre_width
        return centre - width / 2, centre + width / 2
    if scan.values.dtype == np.uint8:
        return 0.0, 255.0
    seen = scan.values.ravel()[:: max(1, scan.values.size // 200_000)]
    low, high = np.quantile(seen, [0.005, 0.995])
    return (float(low), float(high)) if high > low else (float(scan.values.min()), float(scan.values.max()))


def _grey(scan: Scan, values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Pixels uint8 (H, W) or (H, W, 3), by DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if values.ndim == 3:
        return values
    seen = values.astype(np.float32)
    width = max(high - low, 1e-6)
    if scan.curve == "SIGMOID":
        share = 1 / (1 + np.exp(-4 * (seen - (low + high) / 2) / width))
    elif scan.curve == "LINEAR" and width > 1 and np.issubdtype(values.dtype, np.integer):
        share = (seen - (low + high) / 2 + 0.5) / (width - 1) + 0.5
    else:
        share = (seen - low) / width
    share = 1 - share if scan.inverted else share
    pixels: np.ndarray = (share * 255).round().clip(0, 255).astype(np.uint8)
    return pixels


def _square(pixels: np.ndarray, rows: float, columns: float) -> Image.Image:
    """The picture, stretched so that its pixels are squares where the file says that they are none."""
    height, width = pixels.shape[:2]
    if rows > 0 and columns > 0 and 1.01 < max(rows, columns) / min(rows, columns) < 20:
        import torch

        from engines.vision.images.transforms import shrunk

        fine = min(rows, columns)
        height, width = round(height * rows / fine), round(width * columns / fine)
        three = torch.from_numpy(np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])).permute(
            2, 0, 1
        )
        pixels = shrunk(three, height, width).squeeze()
    return Image.fromarray(np.ascontiguousarray(pixels))
