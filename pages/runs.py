"""Runs: what this browser trained, side by side."""

import streamlit as st

from engines.messages import _
from ui.page import errors, frame
from ui.runs import compare, list


@st.fragment
def runs() -> None:
    with errors.calm(_("The list of runs could not be drawn.")):
        compare.show(list.manage())


with frame.page(_("Runs"), _("A run belongs to whoever has its link. This browser remembers the ones it has seen.")):
    runs()
