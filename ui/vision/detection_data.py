"""Step 1 of a detector: its pictures with their boxes, and the way to draw boxes here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from engines.messages import _, _n
from ui.page import frame
from ui.page.draft import Draft
from ui.steps import data
from ui.widgets import gallery

SHOWN = 12


def found(draft: Draft, report: dict[str, Any]) -> None:
    """Some of the pictures with their boxes on them, and how many boxes there are of each class."""
    left, right = st.columns([3, 2])
    with left, frame.card(_("A few of the pictures, with their boxes")):
        shown = [
            (Path(one["thumbnail"]) if one.get("thumbnail") else None, str(one["name"]), str(one["label"]))
            for one in report["gallery"]
        ]
        gallery.show(shown[:SHOWN], width=150)
        st.caption(_sentence(report))
    with right:
        data.class_counts(draft, report, _("boxes"))


def _sentence(report: dict[str, Any]) -> str:
    boxes = _n("{n:,} box in all.", "{n:,} boxes in all.", sum(report["classes"].values()))
    if not (empty := report["details"].get("empty")):
        return boxes
    without = _n("{n:,} picture has nothing to find on it.", "{n:,} pictures have nothing to find on them.", empty)
    return _("{boxes} {without}", boxes=boxes, without=without)


def bring(draft: Draft) -> None:  # noqa: ARG001  (every way to bring data takes it)
    """For who has pictures and no boxes yet."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(_("**No boxes yet?** Draw them here on your pictures; ten pictures are a beginning."))
        st.page_link("pages/showing.py", label=_("Draw boxes"), icon=":material/frame_inspect:")
