"""Step 1 of text: which column is the text and which the class, a few of each, and how many."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import by_hand, data_step, frame, text_cards, words
from ui.draft import Draft


def found(draft: Draft, report: dict[str, Any]) -> None:
    """The domain's own part of a checked table."""
    columns(report["details"])
    left, right = st.columns([3, 2])
    with left, frame.card("A few of the texts"):
        shown = data_step.mixed(report["gallery"])[:8]
        text_cards.show([(g["text"], f"{g['label']} · {g['name']}") for g in shown])
    with right:
        data_step.class_counts(draft, report)


def columns(details: dict[str, Any]) -> None:
    """What each column was taken for; a person can say otherwise, and the data are read anew."""
    names = details["columns"]
    chosen = {f"{role}_column": column for role, column in details["roles"].items() if role != "split"}
    with frame.card("What is in the table"):
        st.caption(words.plain(details["reason"]))
        places = st.columns(len(chosen))
        for place, (setting, column) in zip(places, chosen.items(), strict=True):
            key = f"column_{setting}"
            st.session_state[key] = column
            place.selectbox(
                setting.replace("_", " ").capitalize(),
                names,
                key=key,
                on_change=by_hand.changed(key, _choose),
                args=(setting, key),
                help="Guessed from the values. Choose another, and the table is read anew.",
            )


def _choose(setting: str, key: str) -> None:
    data_step.read_otherwise(**{setting: st.session_state[key]})
