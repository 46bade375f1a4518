"""Pictures with the boxes that people drew on them, whatever format they came in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines.contract import ReadAs, Skipped


@dataclass(frozen=True)
class AnnotatedPicture:
    """One picture and its boxes, in the pixels of the picture as people see it: EXIF turned upright."""

    path: Path
    name: str
    """What the person called it: the path inside their folder or archive."""
    width: int
    """pixels, upright"""
    height: int
    boxes: np.ndarray
    """float64 (N, 4), finite, x0 y0 x1 y1 with 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height; N may be 0: a picture
    without objects counts."""
    labels: np.ndarray
    """int64 (N,): places in `Annotations.classes`."""
    part: str = ""
    """'train', 'val' or 'test' where the data say so, else ''."""
    sha256: str = ""
    """Of the file's bytes: the same picture twice is found by it."""


@dataclass(frozen=True)
class Annotations:
    """What was read of somebody's annotated pictures."""

    classes: tuple[str, ...]
    """In the order of the class file where there is one, else sorted."""
    pictures: list[AnnotatedPicture]
    """Sorted by name."""
    form: str
    """'coco', 'voc' or 'yolo'."""
    skipped: list[Skipped] = field(default_factory=list)
    """Pictures and boxes that were left out, and why."""
    notes: list[str] = field(default_factory=list)
    read_as: list[ReadAs] = field(default_factory=list)
    """What was guessed, such as the convention of the boxes, and the setting that says otherwise."""
