"""Texts as they are: whole, with what is said of them, and with their words coloured by what they added."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

LONGEST = 600  # characters shown of a text
_EDGE = "border:1px solid rgba(128,128,128,.35);border-radius:.5rem;padding:.5rem .7rem;margin-bottom:.5rem"
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.45"
_SAYS = "font-size:.8rem;opacity:.75;margin-top:.25rem"
FOR, AGAINST = (232, 113, 10), (59, 130, 196)
"""Orange spoke for the class, blue against it; a bar under the word says the same by its side and length."""


def show(texts: Sequence[tuple[str, str]]) -> None:
    """(text, what is said of it), one below the other. `dir="auto"`: a text in Arabic or Hebrew runs as it should."""
    cells = "".join(
        f'<div style="{_EDGE}"><div dir="auto" style="{_TEXT}">{escape(_short(text))}</div>'
        f'<div style="{_SAYS}">{escape(says)}</div></div>'
        for text, says in texts
    )
    st.html(cells)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def words(tokens: Sequence[str], scores: Sequence[float]) -> None:
    """A text word by word, each tinted by its share of the answer and underlined: solid for, dotted against."""
    strongest = max((abs(score) for score in scores), default=0.0) or 1.0
    spans = "".join(_word(token, score / strongest) for token, score in zip(tokens, scores, strict=True))
    st.html(f'<div dir="auto" style="{_TEXT};line-height:2">{spans}</div>')


def _word(token: str, share: float) -> str:
    red, green, blue = FOR if share > 0 else AGAINST
    strength = abs(share)
    line = "solid" if share > 0 else "dotted"
    style = (
        f"background:rgba({red},{green},{blue},{0.55 * strength:.2f});border-radius:.2rem;padding:.1rem .15rem;"
        f"border-bottom:2px {line} rgba({red},{green},{blue},{strength:.2f})"
    )
    return f'<span style="{style}" title="{share:+.2f}">{escape(token)}</span> '
