"""Step 1 of text: a few of the texts, and how many there are of each class."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.messages import _
from ui.page import frame
from ui.page.draft import Draft
from ui.steps import data
from ui.widgets import text_cards


def found(draft: Draft, report: dict[str, Any]) -> None:
    """The domain's own part of a checked table."""
    left, right = st.columns([3, 2])
    with left, frame.card(_("A few of the texts")):
        shown = data.mixed(report["gallery"])[:8]
        text_cards.show([(g["text"], f"{g['label']} · {g['name']}") for g in shown])
    with right:
        data.class_counts(draft, report)
