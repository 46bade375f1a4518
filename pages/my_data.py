"""My data: the data sets that this browser made."""

import streamlit as st

from engines.messages import _
from ui.page import errors, frame
from ui.showing import my_data


@st.fragment
def datasets() -> None:
    with errors.calm(_("The list of data sets could not be drawn.")):
        my_data.manage()


with frame.page(
    _("My data"), _("A data set belongs to whoever has its link. This browser remembers those that it made.")
):
    datasets()
