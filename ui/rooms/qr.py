"""A link as a QR code: dark on white in either theme, for that is what phones read."""

from __future__ import annotations

import streamlit as st

from engines.messages import _


def show(link: str) -> None:
    """Drawn as wide as its place, at most 280 pixels, with its quiet zone."""
    import segno  # where only recorded runs are shown it is not there, and nothing is joined

    drawing = segno.make(link, error="m", micro=False).svg_inline(
        border=4, dark="#15181C", light="#FFFFFF", omitsize=True
    )
    label = _("QR code of the link to join")
    st.html(f'<div role="img" aria-label="{label}" style="max-width: 280px">{drawing}</div>')
