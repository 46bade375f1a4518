"""A data set of pictures with boxes while it is being made: draw them, let a model propose more, go on to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder, New
from engines.datasets.state import DatasetState, Item
from engines.jobs.serving import client
from engines.messages import _, _n
from ui.page import errors, frame, local_storage, words
from ui.showing import classes, handover, head, proposals
from ui.widgets.boxes.widget import Drawn, boxes

ENDINGS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"]
TASK = "vision.detection"
PICTURE = "picture_drawn_on"
"""Where the session keeps the id of the picture that is drawn on, by data set."""
SECONDS = 120.0
"""For a warm server that is being started, on a busy machine."""


def show(dataset: DatasetFolder) -> None:
    """The whole page of one data set."""
    local_storage.remember(dataset.id, kept="datasets")
    state = dataset.state()
    head.show(dataset, state)
    _add_pictures(dataset, state)
    if state.items:
        _draw(dataset)
    with frame.card(_("Classes")):
        classes.show(dataset, state, "boxes")
    _go_on(dataset)


def _add_pictures(dataset: DatasetFolder, state: DatasetState) -> None:
    with (
        st.expander(_("Add pictures"), icon=":material/upload:", expanded=not state.items),
        st.form("upload", clear_on_submit=True),
    ):
        files = st.file_uploader(_("Pictures"), type=ENDINGS, accept_multiple_files=True, key="upload_files")
        if st.form_submit_button(_("Add them"), icon=":material/add:") and files:
            with errors.calm(_("The files could not be kept.")):
                dataset.add_all([New(file.getvalue(), file.name) for file in files])
                st.rerun()


# --- one picture ------------------------------------------------------------------------------------


@st.fragment
def _draw(dataset: DatasetFolder) -> None:
    with errors.calm(_("The picture could not be drawn on.")):
        _one_picture(dataset)


def _one_picture(dataset: DatasetFolder) -> None:
    state = dataset.state()
    place, item = _chosen(dataset, state)
    wrong = f"wrong_{dataset.id}"
    with st.container(border=True):
        _steps(dataset, state, place)
        found = _view(dataset, item)
        if found is None:
            return
        size = (int(found["width"]), int(found["height"]))

        def changed(drawn: Drawn) -> None:
            try:
                if drawn.what == "draw":
                    dataset.draw(item.id, size, drawn.box)
                elif drawn.box.id in {box.id for box in item.boxes}:
                    dataset.erase(item.id, [drawn.box.id])
                proposals.settle(dataset, item.id, drawn.box.id)
            except InputError as error:
                st.session_state[wrong] = error

        boxes(
            Path(found["path"]),
            size,
            item.boxes,
            state.classes,
            name=item.name,
            key=f"boxes-{item.id[:16]}-{handover.as_key(dataset)}",
            on_change=changed,
            proposed=proposals.of(dataset, item),
        )
        if problem := st.session_state.pop(wrong, None):
            errors.say(problem)
        _below(dataset, state, item, size)
    proposals.offer(dataset, item, TASK)


def _chosen(dataset: DatasetFolder, state: DatasetState) -> tuple[int, Item]:
    """The picture that is drawn on: that which was chosen, else the first that nobody has looked at."""
    key = f"{PICTURE}_{dataset.id}"
    ids = [item.id for item in state.items]
    if st.session_state.get(key) not in ids:
        st.session_state[key] = next((item.id for item in state.items if not item.is_labelled), ids[0])
    place = ids.index(st.session_state[key])
    return place, state.items[place]


def _steps(dataset: DatasetFolder, state: DatasetState, place: int) -> None:
    """Which picture it is, and the way to the others."""
    n = len(state.items)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(_("Previous"), icon=":material/chevron_left:", key="previous_picture", disabled=n < 2):
            _go(dataset, state.items[(place - 1) % n])
        if st.button(_("Next"), icon=":material/chevron_right:", key="next_picture", disabled=n < 2):
            _go(dataset, state.items[(place + 1) % n])
        done = sum(item.is_labelled for item in state.items)
        st.caption(
            _(
                "Picture {place:,} of {n:,}: {name}. {done:,} are done or have boxes.",
                place=place + 1,
                n=n,
                name=words.plain(state.items[place].name),
                done=done,
            )
        )


def _go(dataset: DatasetFolder, item: Item) -> None:
    st.session_state[f"{PICTURE}_{dataset.id}"] = item.id
    st.rerun()


def _view(dataset: DatasetFolder, item: Item) -> dict[str, Any] | None:
    """The picture to draw on, from the warm server, once a session; None after saying why there is none."""
    key = f"view_{item.id}"
    if key not in st.session_state:
        try:
            question = {"verb": "picture", "dataset": dataset.id, "item": item.id}
            with st.spinner(_("The picture is being opened …")):
                st.session_state[key] = client.ask(question, seconds=SECONDS)
        except InputError as error:
            errors.say(error)
            if st.button(_("Take it out"), icon=":material/delete:", key="take_out"):
                dataset.remove([item.id])
                st.rerun()
            return None
    found: dict[str, Any] = st.session_state[key]
    return found


def _below(dataset: DatasetFolder, state: DatasetState, item: Item, size: tuple[int, int]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        label = _("All its objects have a box") if item.boxes else _("There is nothing on it to find")
        done = st.checkbox(label, value=item.done, key=f"done_{item.id[:16]}_{item.done}")
        if done != item.done:
            dataset.look(item.id, size, done=done)
            st.rerun()
        if st.button(_("Take this picture out"), icon=":material/delete:", key="remove_picture"):
            dataset.remove([item.id])
            st.rerun()
    drawn = sum(len(other.boxes) for other in state.items)
    said = _n("{n:,} box so far.", "{n:,} boxes so far.", drawn)
    st.caption(
        _("{said} Every object of your classes needs its box: what has none teaches that nothing is there.", said=said)
    )


# --- and then ---------------------------------------------------------------------------------------


def _go_on(dataset: DatasetFolder) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            _("**Train a detector**: your boxes go to the five steps, where what it finds is tested and shown.")
        )
        if st.button(_("Train it"), type="primary", icon=":material/arrow_forward:"):
            handover.open_in(dataset, TASK)
    st.page_link("pages/my_data.py", label=_("Link, export, delete: my data"), icon=":material/inventory_2:")
