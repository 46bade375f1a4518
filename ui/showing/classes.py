"""The classes of a data set that is being made: names, counts, and a way to take each out."""

from __future__ import annotations

import streamlit as st

from engines.datasets.folder import DatasetFolder
from engines.datasets.state import DatasetState
from engines.messages import _
from ui.page import user_changes, words


def show(dataset: DatasetFolder, state: DatasetState, unit: str) -> None:
    """A line a class; `unit` is what is counted of it, such as 'pictures' or 'boxes'."""
    for number, name in enumerate(state.classes):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _rename(dataset, name, number)
            st.markdown(words.count(state.counts[name], unit), width="content")
            if st.button(
                _("Remove"),
                key=f"remove_{number}",
                icon=":material/delete:",
                help=_("Remove {plain}", plain=words.plain(name)),
            ):
                dataset.remove_class(name)
                st.rerun()
    if st.button(_("Add a class"), icon=":material/add:"):
        used = set(state.classes)
        dataset.add_class(next(name for n in range(1, 10_000) if (name := f"Class {n}") not in used))
        st.rerun()


def _rename(dataset: DatasetFolder, name: str, number: int) -> None:
    key = f"class_{number}"
    st.session_state[key] = name

    def rename() -> None:
        if (new := st.session_state[key]).strip():
            dataset.rename_class(name, new)

    st.text_input(
        _("Name of class {number}", number=number + 1),
        key=key,
        max_chars=80,
        on_change=user_changes.changed(key, rename),
    )
