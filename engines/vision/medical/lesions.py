"""Slices of a real head with lesions that are made up: how bright a lesion must be, before it is found.

The head is the ICBM 152 average (Fonov et al. 2009), the mean of 152 people, as nilearn carries it. Each "patient" is a
warp of it, so there is one anatomy under all of them: what is learnt here says nothing of other people's heads. White
matter is 1 in what follows. Noise is Rician with a standard deviation of NOISE and brightness varies by SHADING across
the slice, the 3 % and 20 % that simulated brains usually have (BrainWeb: Cocosco et al. 1997, Collins et al. 1998).
A lesion is a blob brighter than white matter by `cnr` · NOISE: its contrast-to-noise ratio is `cnr`.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from engines.contract import InputError, Problem
from engines.messages import _

ATLAS = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
NEEDED = "pip install --no-deps nilearn==0.14.1 (11 MB: it carries the head)"
LICENCE = Path(__file__).with_name("icbm152-licence.txt")
HEADER = 352
"""Bytes of a NIfTI-1 header, before its numbers."""
SHAPE = (197, 233, 189)
SIDE = 224
"""Pixels of a slice, each a square millimetre."""
SLICES = range(68, 108)
"""Axial ones, from the thalamus to above the ventricles."""
WHITE = 0.5
"""What white matter is shown as, of what is white in the picture: lesions of twice its brightness are not cut off."""
NOISE, SHADING = 0.03, 0.2
RADII = 10.0, 22.0
"""Of a lesion, in millimetres: half axes of an ellipse."""
CLASSES = ("healthy", "lesion")
BOXES = ".lesions.json"
"""Beside the pictures: name -> left, top, right, bottom of its lesion in pixels. Hidden, so that it is no data."""


@dataclass(frozen=True)
class Head:
    """float32 (197, 233, 189) each, 0 to 1."""

    t1: np.ndarray
    grey: np.ndarray
    white: np.ndarray


def head() -> Head:
    """Raises InputError where nilearn is not installed."""
    if (place := _place()) is None:
        raise InputError(Problem("sample lesions", _("the head that it is made from is not on this computer"), NEEDED))
    return Head(*(_volume(place / ATLAS.format(kind).removeprefix("nilearn/")) for kind in ("t1", "gm", "wm")))


def write(out: Path, *, cnr: float, patients: dict[str, int], seed: int, slices: int = 2) -> Path:
    """Writes `out`/part/class/patient-001-slice-1.png: of each part so many patients, every second with a lesion.

    A patient's slices lie near one another and show the same warp, and the same lesion where there is one.
    """
    volumes, rng, boxes = head(), np.random.default_rng(seed), {}
    number = 0
    for part, count in patients.items():
        for turn in range(count):
            number += 1
            ill = turn % 2 == 1
            folder = out / part / CLASSES[ill]
            folder.mkdir(parents=True, exist_ok=True)
            for at, (pixels, box) in enumerate(patient(volumes, rng, cnr if ill else 0.0, slices), 1):
                file = folder / f"patient-{number:03d}-slice-{at}.png"
                Image.fromarray(pixels).save(file)
                if box:
                    boxes[file.relative_to(out).as_posix()] = box
    (out / BOXES).write_text(json.dumps(boxes), encoding="utf-8")
    (out / ".licence.txt").write_text(LICENCE.read_text(encoding="utf-8"), encoding="utf-8")
    return out


def patient(
    head: Head, rng: np.random.Generator, cnr: float, slices: int
) -> list[tuple[np.ndarray, tuple[int, int, int, int] | None]]:
    """Slices uint8 (SIDE, SIDE) of one warp, and the box of the lesion on each; no lesion with a `cnr` of 0."""
    first = int(rng.integers(SLICES.start, SLICES.stop - 2 * slices))
    where = _warp(rng)
    mirrored = bool(rng.integers(2))
    made: list[tuple[np.ndarray, tuple[int, int, int, int] | None]] = []
    lesion = None
    for z in range(first, first + 2 * slices, 2):
        t1, grey, white = (_seen(volume[:, :, z], where, mirrored) for volume in (head.t1, head.grey, head.white))
        tissue = grey + white > 0.5
        signal = t1 / np.median(t1[white > 0.9])
        box = None
        if cnr:
            lesion = lesion if lesion is not None else _lesion(rng, tissue)
            blob = ndimage.gaussian_filter(lesion.astype(np.float32), 1.5) * ndimage.gaussian_filter(
                tissue.astype(np.float32), 1.0
            )
            signal = signal + cnr * NOISE * blob
            rows, columns = (np.flatnonzero(lesion.any(axis)) for axis in (1, 0))
            box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        made.append((_scanned(rng, signal), box))
    return made


def _scanned(rng: np.random.Generator, signal: np.ndarray) -> np.ndarray:
    """Uneven brightness and Rician noise (Gudbjartsson & Patz 1995), as a picture: uint8 (SIDE, SIDE)."""
    shading = _smooth(rng, 4)
    shading = 1 + SHADING * ((shading - shading.min()) / np.ptp(shading) - 0.5)
    real = signal * shading + rng.normal(0, NOISE, signal.shape)
    measured = np.hypot(real, rng.normal(0, NOISE, signal.shape))
    pixels: np.ndarray = (measured * WHITE * 255).round().clip(0, 255).astype(np.uint8)
    return pixels


def _lesion(rng: np.random.Generator, tissue: np.ndarray) -> np.ndarray:
    """bool (SIDE, SIDE): an ellipse whose middle lies in brain tissue, 8 mm from its edge at least."""
    rows, columns = np.nonzero(ndimage.binary_erosion(tissue, iterations=8))
    at = int(rng.integers(len(rows)))
    a, b = rng.uniform(*RADII, size=2)
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    y, x = y - rows[at], x - columns[at]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside: np.ndarray = ((along / a) ** 2 + (across / b) ** 2 <= 1) & tissue
    return inside


def _warp(rng: np.random.Generator) -> np.ndarray:
    """Where each pixel comes from, float (2, SIDE, SIDE): turned, stretched, and bent smoothly by some millimetres."""
    angle, scale = np.deg2rad(rng.uniform(-6, 6)), rng.uniform(0.92, 1.08, size=2)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale[:, None]
    middle = (SIDE - 1) / 2
    grid = np.indices((SIDE, SIDE)).reshape(2, -1) - middle
    bent = np.stack([_smooth(rng, 6), _smooth(rng, 6)])
    bent *= 4 / bent.std()
    where: np.ndarray = (turned @ grid).reshape(2, SIDE, SIDE) + middle + bent
    return where


def _smooth(rng: np.random.Generator, cells: int) -> np.ndarray:
    """A field that varies smoothly, with about so many hills across: float (SIDE, SIDE)."""
    field: np.ndarray = ndimage.zoom(rng.normal(size=(cells, cells)), SIDE / cells, order=3)
    return field


def _seen(plane: np.ndarray, where: np.ndarray, mirrored: bool) -> np.ndarray:
    """An axial plane (left to right, back to front) upright, on a square, warped: float32 (SIDE, SIDE)."""
    upright = np.rot90(plane)
    square = np.zeros((SIDE, SIDE), np.float32)
    top, left = (upright.shape[0] - SIDE) // 2, (SIDE - upright.shape[1]) // 2
    square[:, left : left + upright.shape[1]] = upright[top : top + SIDE]
    square = square[:, ::-1] if mirrored else square
    seen: np.ndarray = ndimage.map_coordinates(square, where, order=1)
    return seen


def _place() -> Path | None:
    """The folder of nilearn, found without importing it: what it needs besides is not installed."""
    found = importlib.util.find_spec("nilearn")
    place = Path(next(iter(found.submodule_search_locations or ()))) if found else None
    return place if place and (place.parent / ATLAS.format("t1")).is_file() else None


def _volume(file: Path) -> np.ndarray:
    with gzip.open(file) as opened:
        numbers = np.frombuffer(opened.read()[HEADER:], np.uint8)
    return numbers.reshape(SHAPE, order="F").astype(np.float32) / 255
