"""A link as a QR code: dark on white in either theme, for that is what phones read."""

from __future__ import annotations

from html import escape

import streamlit as st

from engines.messages import _


def show(link: str) -> None:
    """Drawn as wide as its place, at most 280 pixels, with its quiet zone."""
    import segno  # where only recorded runs are shown it is not there, and nothing is joined

    code = segno.make(link, error="m", micro=False)
    drawing = code.svg_data_uri(border=4, scale=8, dark="#15181C", light="#FFFFFF")
    label = _("QR code of the link to join")  # an image: of a drawing in the page itself Streamlit leaves nothing
    st.html(f'<img alt="{escape(label)}" src="{drawing}" style="width: 100%; max-width: 280px">')
