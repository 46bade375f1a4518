"""Runs: what this browser trained, side by side."""

import streamlit as st

from ui.page import errors, frame
from ui.runs import compare, list


@st.fragment
def runs() -> None:
    with errors.calm("The list of runs could not be drawn."):
        compare.show(list.manage())


with frame.page("Runs", "A run belongs to whoever has its link. This browser remembers the ones it has seen."):
    runs()
