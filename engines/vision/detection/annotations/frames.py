"""Which picture the numbers of a box are about: as it is shown, as it is stored, or as large as the file says.

A camera stores a picture as its sensor lay and notes (EXIF) how to turn it upright. People draw boxes on either, and
resize pictures after they drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.contract import ReadAs
from engines.messages import _, _n
from engines.vision.detection.annotations.conventions import fit
from engines.vision.detection.annotations.raw import Marked
from engines.vision.images.reading import Size

SAME_SHAPE = 0.02
"""By how much the ratio of the sides may differ of a picture and a smaller copy of it."""
BETTER = 0.05
"""By how much more of the boxes have to fit the stored pictures before they are taken to be drawn on those."""


@dataclass(frozen=True)
class Frame:
    """What the boxes of a picture refer to."""

    width: float
    height: float
    orientation: int
    """EXIF's number of how it is turned before it is shown; 1 where it is not."""

    @property
    def size(self) -> np.ndarray:
        return np.array([self.width, self.height])


@dataclass
class Frames:
    """Of all pictures, in their order."""

    frames: list[Frame]
    unsure: list[int]
    """Places of those that are turned, and of which nothing says whether the boxes were drawn before that."""
    resized: int = 0
    disagreeing: int = 0

    def largest(self) -> list[tuple[float, float]]:
        """Width and height of each frame; of those that are unsure, a square that holds either."""
        unsure = set(self.unsure)
        return [
            (max(frame.width, frame.height),) * 2 if place in unsure else (frame.width, frame.height)
            for place, frame in enumerate(self.frames)
        ]


def stated(marked: Sequence[Marked], sizes: Sequence[Size], asked: str) -> Frames:
    """By what the files say of width and height, and by what a person says ('shown', 'stored'; 'auto' for nothing)."""
    found = Frames([], [])
    for place, (one, size) in enumerate(zip(marked, sizes, strict=True)):
        shown = Frame(size.width, size.height, 1)
        stored = Frame(size.stored_width, size.stored_height, size.orientation)
        if size.orientation != 1 and asked != "auto":
            found.frames.append(stored if asked == "stored" else shown)
            continue
        if one.stated is None or one.stated == (size.width, size.height):
            known = one.stated is not None and size.turns_sides and size.width != size.height
            if size.orientation != 1 and not known:
                found.unsure.append(place)
            found.frames.append(shown)
        elif one.stated == (size.stored_width, size.stored_height):
            found.frames.append(stored)
        elif _alike(one.stated, (size.width, size.height)):
            found.resized += 1
            found.frames.append(Frame(*one.stated, 1))
        elif size.turns_sides and _alike(one.stated, (size.stored_width, size.stored_height)):
            found.resized += 1
            found.frames.append(Frame(*one.stated, size.orientation))
        else:
            found.disagreeing += 1
            found.frames.append(shown)
    return found


def settled(
    found: Frames, marked: Sequence[Marked], sizes: Sequence[Size], convention: str, asked: str
) -> tuple[list[ReadAs], list[str]]:
    """Decides on what is `unsure`, by which of both the boxes fit; what was guessed, and what else is to be said.

    `convention` is what their numbers mean. Shares of a picture fit it either way.
    """
    turned = sum(size.orientation != 1 for size in sizes)
    notes = _notes(found)
    if not turned:
        return [], notes
    counts = _n("One picture is turned when it is shown.", "{n:,} pictures are turned when they are shown.", turned)
    if asked != "auto":
        other = "stored" if asked == "shown" else "shown"
        return [ReadAs(_("pictures"), asked, [other], "orientation", counts)], notes
    taken = "shown"
    fits = [place for place in found.unsure if marked[place].numbers]
    if fits:
        shares = [_fit(marked, sizes, fits, convention, stored=stored) for stored in (False, True)]
        if shares[1] - shares[0] > BETTER:
            taken = "stored"
            for place in found.unsure:
                size = sizes[place]
                found.frames[place] = Frame(size.stored_width, size.stored_height, size.orientation)
    if len(found.unsure) < turned:
        by = _("Whether their boxes were drawn before that, width and height in the annotations say where they are.")
    elif taken == "stored":
        by = _("Their boxes fit them as they are stored.")
    else:
        by = _("Their boxes are taken to be drawn on them as they are shown.")
    other = "stored" if taken == "shown" else "shown"
    return [ReadAs(_("pictures"), taken, [other], "orientation", f"{counts} {by}")], notes


def upright(boxes: np.ndarray, frame: Frame, size: Size) -> np.ndarray:
    """Boxes, float64 (N, 4), from their frame to the pixels of the picture as people see it."""
    width, height = frame.width, frame.height
    x0, y0, x1, y1 = boxes.T
    turns = {
        1: (x0, y0, x1, y1),
        2: (width - x1, y0, width - x0, y1),
        3: (width - x1, height - y1, width - x0, height - y0),
        4: (x0, height - y1, x1, height - y0),
        5: (y0, x0, y1, x1),
        6: (height - y1, x0, height - y0, x1),
        7: (height - y1, width - x1, height - y0, width - x0),
        8: (y0, width - x1, y1, width - x0),
    }
    turned = np.stack(turns[frame.orientation], axis=1)
    if frame.orientation >= 5:
        width, height = height, width
    return turned * np.array([size.width / width, size.height / height] * 2)


def _alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] / one[1] * other[1] / other[0] - 1) < SAME_SHAPE


def _fit(
    marked: Sequence[Marked], sizes: Sequence[Size], places: Sequence[int], convention: str, *, stored: bool
) -> float:
    numbers = np.array([entry for place in places for entry in marked[place].numbers], float)
    about = [
        (sizes[place].stored_width, sizes[place].stored_height) if stored else (sizes[place].width, sizes[place].height)
        for place in places
        for _unused in marked[place].numbers
    ]
    return fit(numbers, convention, np.array(about, float))


def _notes(found: Frames) -> list[str]:
    notes = []
    if found.resized:
        notes.append(
            _n(
                "One picture has another size than its annotations say, and the same shape: its boxes were scaled.",
                "{n:,} pictures have other sizes than their annotations say, and the same shape: their boxes "
                "were scaled.",
                found.resized,
            )
        )
    if found.disagreeing:
        notes.append(
            _n(
                "One picture has another shape than its annotations say: its boxes were taken for pixels of the "
                "picture as it is.",
                "{n:,} pictures have other shapes than their annotations say: their boxes were taken for pixels of the "
                "pictures as they are.",
                found.disagreeing,
            )
        )
    return notes
