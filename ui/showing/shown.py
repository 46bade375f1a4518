"""A data set that somebody shows: its classes and examples to look at, and nothing to press that changes it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import Item
from engines.jobs.serving import client
from engines.messages import _
from ui.page import words
from ui.showing import handover

A_PAGE = 12
SECONDS = 120.0
"""For a warm server that is being started, on a busy machine."""
SOUNDS = {".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
"""What a browser is told that a file is: by its ending never anything but sound."""


def show(dataset: DatasetFolder) -> None:
    """The whole page of one data set, found by the id that only shows it."""
    state = dataset.state()
    st.markdown(f"**{words.plain(dataset.about.title)}**: {handover.in_short(dataset)}")
    st.caption(
        _(
            ":material/visibility: You are shown this data set. Only whoever has its own link can change it, take it "
            "or train on it."
        )
    )
    groups: dict[str, list[Item]] = {name: [] for name in state.classes}
    rest = _("All pictures") if dataset.about.kind == "boxes" else _("Without a class")
    for item in state.items:
        groups.setdefault(item.label or rest, []).append(item)
    chosen = st.selectbox(_("Class"), [name for name, items in groups.items() if items], key="shown_class")
    if chosen is None:
        st.caption(_("There is nothing in it yet."))
        return
    items = groups[chosen]
    pages = -(-len(items) // A_PAGE)
    page = st.pagination(pages, key=f"shown_page_{len(items)}") if pages > 1 else 1
    _draw(dataset, items[(page - 1) * A_PAGE : page * A_PAGE])


def _draw(dataset: DatasetFolder, items: Sequence[Item]) -> None:
    """Pictures are decoded where uploads are, never in this process."""
    columns = st.columns(3)
    for number, item in enumerate(items):
        with columns[number % len(columns)], st.container(border=True):
            try:
                _one(dataset, item)
            except (InputError, client.ServerFailed) as error:
                st.caption(f":material/block: {words.plain(str(error))}")
            if dataset.about.kind != "texts":
                st.caption(words.plain(item.name))
            if item.boxes:
                st.caption(words.plain(", ".join(box.label for box in item.boxes)))


def _one(dataset: DatasetFolder, item: Item) -> None:
    if dataset.about.kind == "texts":
        st.markdown(words.plain(dataset.text(item)))
    elif dataset.about.kind == "sounds":
        st.audio(dataset.file(item).read_bytes(), format=SOUNDS.get(item.suffix, "audio/wav"))
    else:
        question = {"verb": "picture", "dataset": dataset.id, "item": item.id}
        st.image(client.ask(question, seconds=SECONDS)["path"], width="stretch")
