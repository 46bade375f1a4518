"""Recorded films of a robot, side by side; a sentence where a machine cannot draw them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from engines.messages import _
from ui.page import words


def side_by_side(films: Sequence[tuple[Path | None, str]], note: str = "") -> None:
    """Films (a GIF or None, caption) next to each other; `note` says why there is none."""
    there = [(path, caption) for path, caption in films if path is not None and path.is_file()]
    if there:
        with st.grid(max(3, len(there)), min_column_width=150):
            for path, caption in there:
                with st.container(gap="xsmall"):
                    st.image(str(path), width="stretch", alt=_spoken(caption))
                    st.caption(caption)
    if note:
        st.caption(f":material/videocam_off: {words.plain(note)}")
    elif not there:
        st.caption(_("No films were recorded."))


def _spoken(caption: str) -> str:
    """A caption without its colours."""
    return caption.partition("] ")[2] or caption
