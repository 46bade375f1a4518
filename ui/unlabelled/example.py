"""Examples as a person sees, reads or hears them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape

import streamlit as st

from engines.messages import _
from ui.unlabelled.found import Found
from ui.widgets import gallery, text_cards
from ui.widgets.plots import DATA

IN_A_ROW = 4
_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:.6rem"


def strip(found: Found, positions: Sequence[int], said: Sequence[str] = ()) -> None:
    """Several examples side by side, with what is said of each."""
    captions = list(said) or [""] * len(positions)
    previews = [str(found.columns["preview"][i]) for i in positions]
    titles = [found.title(i) for i in positions]
    match found.kind:
        case "pictures":
            files = [found.folder / preview for preview in previews]
            gallery.show(list(zip(files, titles, captions, strict=True)), width=96)
        case "texts":
            text_cards.show(list(zip(previews, captions, strict=True)))
        case "sounds":
            for start in range(0, len(positions), IN_A_ROW):
                for place, column in zip(range(start, len(positions)), st.columns(IN_A_ROW), strict=False):
                    column.caption(captions[place] or titles[place])
                    column.audio(str(found.folder / previews[place]), format="audio/ogg")
        case _:
            cells = [
                f"<div>{_drawn(preview, title)}<div>{escape(said)}</div></div>"
                for preview, title, said in zip(previews, titles, captions, strict=True)
            ]
            st.html(f'<div style="{_GRID}">{"".join(cells)}</div>')


def one(found: Found, position: int) -> None:
    """One example, large."""
    preview, title = str(found.columns["preview"][position]), found.title(position)
    match found.kind:
        case "pictures":
            gallery.show([(found.folder / preview, title, "")], width=260)
        case "texts":
            text_cards.show([(preview, "")])
        case "sounds":
            st.audio(str(found.folder / preview), format="audio/ogg")
        case _:
            st.html(_drawn(preview, title))


def _drawn(preview: str, title: str) -> str:
    """The last values of a series as a line."""
    values = json.loads(preview)
    low, spread = min(values), (max(values) - min(values)) or 1.0
    points = " ".join(
        f"{300 * i / max(1, len(values) - 1):.1f},{76 - 72 * (v - low) / spread:.1f}" for i, v in enumerate(values)
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 80">'
        f'<polyline points="{points}" fill="none" stroke="{DATA}" stroke-width="2"/></svg>'
    )
    source = base64.b64encode(svg.encode()).decode()
    alt = escape(
        _(
            "{title}: {values} values between {low:,.4g} and {values2:,.4g}",
            title=title,
            values=len(values),
            low=low,
            values2=max(values),
        )
    )
    return f'<img style="width:100%" src="data:image/svg+xml;base64,{source}" alt="{alt}">'
