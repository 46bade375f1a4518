"""Pictures with boxes on them, as a page shows them: what was found, what was missed, what is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import streamlit as st

Kind = Literal["found", "missed", "false", "said"]
STYLES: dict[Kind, str] = {
    "found": "2px solid #1a73e8",
    "missed": "2px dashed #e8710a",
    "false": "2px dotted #d93025",
    "said": "2px solid #1a73e8",
}
"""A colour and a line for each, so that neither stands alone."""
ENOUGH = 0.5
"""Of what two boxes cover together: from there on one is the other, as mAP@.5 has it."""
_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax({width}px,1fr));gap:.6rem"
_EDGE = "border:1px solid rgba(128,128,128,.35);border-radius:.5rem;overflow:hidden"
_CAPTION = "padding:.3rem .5rem;font-size:.8rem;line-height:1.3;overflow-wrap:anywhere"
_LABEL = (
    "position:absolute;left:0;bottom:100%;font-size:.65rem;line-height:1.2;padding:0 .2rem;white-space:nowrap;"
    "color:#fff;background:rgba(0,0,0,.65)"
)


@dataclass(frozen=True)
class Shown:
    """A box to be drawn: corners in pixels of the picture, and what is written on it."""

    kind: Kind
    box: Sequence[float]
    text: str


@dataclass(frozen=True)
class Picture:
    """A picture, as a data URI or '' where there is none, and the boxes on it."""

    source: str
    name: str
    width: int
    """pixels in which the boxes are"""
    height: int
    boxes: Sequence[Shown]
    caption: str


def show(pictures: Sequence[Picture], width: int = 260) -> None:
    """A grid that fits a phone."""
    st.html(f'<div style="{_GRID.format(width=width)}">{"".join(map(_cell, pictures))}</div>')


def compare(truth: Sequence[dict[str, Any]], said: Sequence[dict[str, Any]]) -> list[Shown]:
    """What is there (`label`, `box`) beside what a detector says (`label`, `score`, `box`; the surest first): each true
    box is found by the surest box of its class that covers enough of it, and by no other."""
    free = list(truth)
    found: list[Shown] = []
    for row in said:
        shared = [overlap(row["box"], one["box"]) if one["label"] == row["label"] else 0.0 for one in free]
        best = max(range(len(free)), key=shared.__getitem__, default=-1)
        hit = best >= 0 and shared[best] >= ENOUGH
        if hit:
            free.pop(best)
        found.append(Shown("found" if hit else "false", row["box"], scored(row)))
    return [*found, *(Shown("missed", one["box"], str(one["label"])) for one in free)]


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes, x0 y0 x1 y1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


def scored(row: dict[str, Any]) -> str:
    """'cup 83 %'"""
    return f"{row['label']} {100 * row['score']:.0f} %"


def _cell(picture: Picture) -> str:
    boxes = "".join(_box(box, picture.width, picture.height) for box in picture.boxes)
    ratio = f"position:relative;overflow:hidden;aspect-ratio:{picture.width}/{picture.height}"
    image = "width:100%;height:100%;display:block;background:rgba(128,128,128,.08)"
    name = escape(picture.name)
    shown = f'<img style="{image}" src="{picture.source}" alt="{name}" title="{name}">' if picture.source else ""
    caption = f'<div style="{_CAPTION}">{escape(picture.caption)}</div>'
    return f'<div style="{_EDGE}"><div style="{ratio}">{shown}{boxes}</div>{caption}</div>'


def _box(shown: Shown, width: int, height: int) -> str:
    x0, y0, x1, y1 = shown.box
    place = (
        f"position:absolute;box-sizing:border-box;left:{100 * x0 / width:.2f}%;top:{100 * y0 / height:.2f}%;"
        f"width:{100 * (x1 - x0) / width:.2f}%;height:{100 * (y1 - y0) / height:.2f}%;border:{STYLES[shown.kind]}"
    )
    label = _LABEL if y0 > 0.08 * height else _LABEL.replace("bottom:100%", "top:0")
    return f'<div style="{place}"><span style="{label}">{escape(shown.text)}</span></div>'
