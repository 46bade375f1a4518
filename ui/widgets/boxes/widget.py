"""The picture that boxes are drawn on. Each box that is drawn, moved, renamed or taken away is one message."""

from __future__ import annotations

import base64
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from engines.datasets.state import Box
from engines.messages import _, told

HERE = Path(__file__).parent
LONGEST_ID = 64
HTML = """
<div class="boxes">
  <div class="classes" role="radiogroup"></div>
  <div class="sheet"><img alt="" draggable="false"><svg tabindex="0" role="application"></svg></div>
  <p class="said" role="status" aria-live="polite"></p>
  <ul class="list"></ul>
</div>
"""
WORDS = {
    "picture": _(
        "Picture to draw boxes on. Drag a box, or press N for one in the middle. 1 to 9 choose the class; arrows move "
        "the chosen box, with Shift they change its size; Delete takes it away."
    ),
    "class": _("Class of the next box"),
    "box": _("{label}: from {left} % to {right} % across, {top} % to {bottom} % down"),
    "proposed": _("proposed, {score} %"),
    "accept": _("Accept"),
    "remove": _("Remove"),
    "none": _("No boxes yet: drag over an object to draw one."),
    "nameless": _("Name a class first."),
}
"""What the browser says; it fills in the fields itself."""


@dataclass(frozen=True)
class Proposal:
    """A box that a model proposes."""

    box: Box
    score: float


@dataclass(frozen=True)
class Drawn:
    """What a person did: drew, moved or renamed a box, or took it away."""

    what: Literal["draw", "erase"]
    box: Box


def boxes(
    picture: Path,
    size: tuple[int, int],
    drawn: Sequence[Box],
    classes: Sequence[str],
    *,
    name: str,
    key: str,
    on_change: Callable[[Drawn], None],
    proposed: Sequence[Proposal] = (),
) -> None:
    """Draws it: a JPEG of the picture, whose whole is `size` pixels wide and high, and the boxes on it. `name` is what
    the picture is called.

    `on_change` is called for each change, before the page is drawn anew. A proposal that is accepted or changed is
    drawn, under its own id.
    """
    memory = f"{key}_seen"

    def arrived() -> None:
        value = getattr(st.session_state.get(key), "sent", None)
        sent: dict[str, Any] = value if isinstance(value, dict) else {}
        visit, changes = sent.get("id"), sent.get("changes")
        for change in changes if isinstance(changes, list) else []:
            if isinstance(change, dict) and isinstance(change.get("n"), int) and change["n"] > last(visit):
                st.session_state[memory] = (visit, change["n"])
                if (found := _change(change)) is not None:
                    on_change(found)

    def last(visit: object) -> int:
        """The newest change of that visit to the page that was already heard."""
        seen = st.session_state.get(memory)
        return int(seen[1]) if seen and seen[0] == visit else 0

    encoded = base64.b64encode(picture.read_bytes()).decode("ascii")
    _component()(
        key=key,
        data={
            "picture": f"data:image/jpeg;base64,{encoded}",
            "name": name,
            "size": list(size),
            "boxes": [vars(box) for box in drawn],
            "proposed": [{**vars(one.box), "score": one.score} for one in proposed],
            "classes": list(classes),
            "heard": st.session_state.get(memory),
            "words": told(WORDS),
        },
        on_sent_change=arrived,
    )


@functools.cache
def _component() -> Callable[..., Any]:
    css, js = ((HERE / name).read_text(encoding="utf-8") for name in ("boxes.css", "boxes.js"))
    return st.components.v2.component("headstart.boxes", html=HTML, css=css, js=js)


def _change(sent: dict[str, Any]) -> Drawn | None:
    """What the browser sent; None where it is no such thing, as it comes from outside."""
    box = sent.get("box")
    if sent.get("what") not in {"draw", "erase"} or not isinstance(box, dict):
        return None
    given = [box.get(side) for side in ("x0", "y0", "x1", "y1")]
    sides = [float(side) for side in given if isinstance(side, int | float) and math.isfinite(side)]
    if len(sides) != 4:
        return None
    if not isinstance(box.get("id"), str) or not box["id"] or len(box["id"]) > LONGEST_ID:
        return None
    return Drawn(sent["what"], Box(box["id"], str(box.get("label", "")), *sides))
