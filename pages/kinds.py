"""Kinds of transfer: the map, this browser's runs on it, and what none, one or a few labels are worth."""

import streamlit as st

from engines.messages import _
from ui.kinds import overview
from ui.page import errors, frame


@st.fragment
def kinds() -> None:
    with errors.calm(_("The map could not be drawn.")):
        overview.show()


with frame.page(_("Kinds of transfer"), _("What differs between what a network learnt and what **you** want.")):
    kinds()
