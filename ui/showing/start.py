"""Before anything is shown: pictures, sounds or sentences."""

from __future__ import annotations

import streamlit as st

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder, Kind
from engines.jobs.serving import client
from engines.messages import _, told
from ui.hosting import recorded_answers
from ui.page import errors, frame, visitor
from ui.showing import handover

KINDS: dict[Kind, tuple[str, str, str, str]] = {
    "pictures": (
        _("Pictures"),
        _("Hold things, gestures or drawings in front of a camera, or upload pictures."),
        _("Show pictures"),
        ":material/photo_camera:",
    ),
    "boxes": (
        _("Things on pictures"),
        _("Draw boxes around things on a few pictures, and a detector learns to find them on others."),
        _("Draw boxes"),
        ":material/frame_inspect:",
    ),
    "sounds": (
        _("Voices"),
        _("Let people speak into the microphone, or upload recordings. It hears who speaks, not what is said."),
        _("Let it hear voices"),
        ":material/mic:",
    ),
    "texts": (
        _("Sentences"),
        _("Type a few sentences of each kind: questions and praise, work and play."),
        _("Write sentences"),
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
    if recorded_answers.nothing_can_be_brought():
        return
    client.start()
    for column, (kind, (title, what, button, icon)) in zip(st.columns(len(KINDS)), told(KINDS).items(), strict=True):
        with column, frame.card(f"{icon} {title}"):
            st.caption(what)
            if st.button(button, key=f"show_{kind}", type="primary", width="stretch"):
                _begin(kind)
    st.caption(
        _(
            "What you keep stays on this machine, under an address that only you know. What the camera or "
            "the microphone is only asked about is not kept."
        )
    )
    st.page_link("pages/my_data.py", label=_("Go on with what you made before"), icon=":material/inventory_2:")


def _begin(kind: Kind) -> None:
    with errors.calm(_("The data set could not be made.")):
        dataset = DatasetFolder.create(kind, _("My {kinds}", kinds=told(KINDS)[kind][0].lower()), visitor.require())
        for number in (1,) if kind == "boxes" else (1, 2):
            dataset.add_class(_("Class {number}", number=number))
        st.query_params[handover.LINK] = dataset.id
        st.rerun()
