"""My data: the data sets that this browser made."""

import streamlit as st

from ui.page import errors, frame
from ui.showing import my_data


@st.fragment
def datasets() -> None:
    with errors.calm("The list of data sets could not be drawn."):
        my_data.manage()


with frame.page("My data", "A data set belongs to whoever has its link. This browser remembers those that it made."):
    datasets()
