"""A data set while it is being made: name classes, show examples, see what it makes of the next one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines.contract import InputError
from engines.datasets.exporting import LEARNERS
from engines.datasets.folder import DatasetFolder, New
from engines.datasets.state import DatasetState
from engines.messages import _, told
from engines.registry import task as task_of
from ui.page import errors, frame, local_storage, words
from ui.showing import accuracy, asking, classes, handover, head
from ui.widgets.capture.widget import Kept, Target, capture

ENDINGS = {"pictures": ["jpg", "jpeg", "png", "webp", "gif", "bmp"], "sounds": ["wav", "flac", "ogg", "mp3"]}
SPARE = "spare_classes"


def show(dataset: DatasetFolder) -> None:
    """The whole page of one data set."""
    local_storage.remember(dataset.id, kept="datasets")
    state, kind = dataset.state(), dataset.about.kind
    head.show(dataset, state)
    if kind == "texts":
        _write(dataset, state)
        _try_text(dataset)
    else:
        _live(dataset)
    left, right = st.columns([3, 2])
    with left, frame.card(_("Classes")):
        classes.show(dataset, state, kind)
    how_well = right.container()
    if kind != "texts":
        _upload(dataset, state)
    _go_on(dataset)
    with (
        how_well,
        frame.card(_("How well it tells them apart")),
        errors.calm(_("What was shown could not be looked at.")),
    ):
        if asking.ready(dataset):
            accuracy.show(asking.of(dataset), kind)
        else:
            _wait(dataset)


@st.fragment(run_every=1.0)
def _wait(dataset: DatasetFolder) -> None:
    """Until the network is loaded; meanwhile everything else on the page works."""
    st.caption(f":material/hourglass_top: {told(asking.LOADING)}")
    with errors.calm(_("The network could not be loaded.")):
        if asking.ready(dataset):
            st.rerun(scope="app")


# --- camera and microphone ------------------------------------------------------------------------


@st.fragment
def _live(dataset: DatasetFolder) -> None:
    with errors.calm(_("What is shown could not be answered.")):
        _capture(dataset)


def _capture(dataset: DatasetFolder) -> None:
    state, kind = dataset.state(), dataset.about.kind
    refresh = f"refresh_{dataset.id}"

    def kept(burst: Kept) -> None:
        try:
            _keep(dataset, burst)
        except InputError as error:
            st.session_state[refresh] = error
        else:
            st.session_state[refresh] = True

    targets = [Target(name, name, words.count(state.counts[name], kind)) for name in state.classes]
    with st.container(border=True):
        capture(
            "pictures" if kind == "pictures" else "sounds",
            targets,
            key=f"capture-{handover.as_key(dataset)}",
            on_kept=kept,
            answer=lambda content: asking.about(dataset, content),
        )
        st.caption(
            _(
                "Hold a class's button to take up to 20 {kind}, or press it once to begin and once "
                "more to stop. Move a little meanwhile: what never changes teaches less.",
                kind=kind,
            )
        )
    changed = st.session_state.pop(refresh, None)
    if isinstance(changed, InputError):
        errors.say(changed)
    elif changed:
        st.rerun(scope="app")


def _keep(dataset: DatasetFolder, burst: Kept) -> None:
    """The burst's examples under a name of their own. Raises InputError."""
    stamp = time.strftime("%H%M%S")
    dataset.add_all(
        [
            New(content, f"{burst.target} {stamp} {number:02d}{burst.suffix}", burst.target)
            for number, content in enumerate(burst.contents, 1)
        ]
    )


# --- sentences ------------------------------------------------------------------------------------


def _write(dataset: DatasetFolder, state: DatasetState) -> None:
    with st.form("write", clear_on_submit=True, border=True):
        label = st.selectbox(_("Class"), state.classes, key="write_class")
        text = st.text_area(
            _("Sentences, one a line"),
            key="write_text",
            max_chars=20_000,
            placeholder=_("One sentence\nAnd another one"),
        )
        sent = st.form_submit_button(_("Add them"), icon=":material/add:")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if sent and label and lines:
        with errors.calm(_("The sentences could not be kept.")):
            dataset.add_all([New(line.encode(), line[:60], label) for line in lines])
            st.rerun()


@st.fragment
def _try_text(dataset: DatasetFolder) -> None:
    with st.container(border=True), errors.calm(_("That sentence could not be answered.")):
        text = st.text_input(_("Try a new sentence"), key="try_text", max_chars=2_000)
        if text.strip():
            asking.bars(asking.about(dataset, text.strip().encode()))


# --- files ----------------------------------------------------------------------------------------


def _upload(dataset: DatasetFolder, state: DatasetState) -> None:
    kind = dataset.about.kind
    with (
        st.expander(_("Upload {kind} instead", kind=kind), icon=":material/upload:"),
        st.form("upload", clear_on_submit=True),
    ):
        label = st.selectbox(_("Class"), state.classes, key="upload_class")
        files = st.file_uploader(kind.capitalize(), type=ENDINGS[kind], accept_multiple_files=True, key="upload_files")
        if st.form_submit_button(_("Add them"), icon=":material/add:") and files and label:
            with errors.calm(_("The files could not be kept.")):
                dataset.add_all([New(file.getvalue(), file.name, label) for file in files])
                st.rerun()


# --- and then -------------------------------------------------------------------------------------


def _go_on(dataset: DatasetFolder) -> None:
    tasks: Sequence[str] = list(LEARNERS[dataset.about.kind])[:1]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            _(
                "**Train it properly**: the same examples go to the five steps, where they are tested, compared "
                "with training from scratch, and exported."
            )
        )
        for task in tasks:
            info: Any = task_of(task).info
            if st.button(_("Train it properly"), type="primary", icon=":material/arrow_forward:", help=info.title):
                handover.open_in(dataset, task)
    st.page_link("pages/my_data.py", label=_("Link, export, delete: my data"), icon=":material/inventory_2:")
