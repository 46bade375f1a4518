"""Evidence: everything that this browser's runs have shown, and what was forecast of them."""

import streamlit as st

from engines.messages import _
from ui.evidence import overview
from ui.page import errors, frame


@st.fragment
def evidence() -> None:
    with errors.calm(_("The evidence could not be drawn.")):
        overview.show()


with frame.page(
    _("Evidence"), _("Every comparison that this browser's runs made, with its interval, whatever came of it.")
):
    evidence()
