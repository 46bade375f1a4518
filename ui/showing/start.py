"""Before anything is shown: pictures, sounds or sentences."""

from __future__ import annotations

import streamlit as st

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder, Kind
from engines.jobs.serving import client
from ui.page import errors, frame
from ui.showing import handover

KINDS: dict[Kind, tuple[str, str, str, str]] = {
    "pictures": (
        "Pictures",
        "Hold things, gestures or drawings in front of a camera, or upload pictures.",
        "Show pictures",
        ":material/photo_camera:",
    ),
    "sounds": (
        "Voices",
        "Let people speak into the microphone, or upload recordings. It hears who speaks, not what is said.",
        "Let it hear voices",
        ":material/mic:",
    ),
    "texts": (
        "Sentences",
        "Type a few sentences of each kind: questions and praise, work and play.",
        "Write sentences",
        ":material/edit_note:",
    ),
}
"""Kind -> its title, what to do, the button, its icon."""


def opened() -> DatasetFolder | None:
    """The data set in the address; None where there is none, or no longer."""
    dataset_id = handover.asked_for()
    if dataset_id is None:
        return None
    try:
        return DatasetFolder.find(dataset_id)
    except InputError as error:
        errors.say(error)
        return None


def choose() -> None:
    """What is to be shown; a choice makes a data set with two empty classes, and its address."""
    client.start()
    for column, (kind, (title, what, button, icon)) in zip(st.columns(len(KINDS)), KINDS.items(), strict=True):
        with column, frame.card(f"{icon} {title}"):
            st.caption(what)
            if st.button(button, key=f"show_{kind}", type="primary", width="stretch"):
                _begin(kind)
    st.caption(
        "What you keep stays on this machine, under an address that only you know. What the camera or the microphone "
        "is only asked about is not kept."
    )
    st.page_link("pages/my_data.py", label="Go on with what you made before", icon=":material/inventory_2:")


def _begin(kind: Kind) -> None:
    with errors.calm("The data set could not be made."):
        dataset = DatasetFolder.create(kind, f"My {KINDS[kind][0].lower()}")
        for number in (1, 2):
            dataset.add_class(f"Class {number}")
        st.query_params[handover.LINK] = dataset.id
        st.rerun()
