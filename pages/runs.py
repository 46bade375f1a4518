"""Runs: what this browser trained, side by side."""

import streamlit as st

from ui import compare, frame, run_list


@st.fragment
def runs() -> None:
    chosen = run_list.manage()
    compare.show(chosen)


with frame.page("Runs", "A run belongs to whoever has its link. This browser remembers the ones it has seen."):
    runs()
