"""The first line of a data set's page: what it is and holds, and the way back from the last step."""

from __future__ import annotations

import streamlit as st

from engines.datasets.folder import DatasetFolder
from engines.datasets.state import DatasetState
from engines.messages import _
from ui.page import words
from ui.showing import handover


def show(dataset: DatasetFolder, state: DatasetState) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.plain(dataset.about.title)}**: {handover.in_short(dataset)}")
        if st.button(
            _("Undo"), icon=":material/undo:", disabled=not state.can_undo, help=_("Takes back your last step.")
        ):
            dataset.undo()
            st.rerun()
