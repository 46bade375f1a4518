"""A checkpoint of one's own on the Model step: taken over by the warm server, which says what of it fits."""

from __future__ import annotations

import shutil

import streamlit as st

from engines import paths, runs
from engines.messages import _
from ui.page import address, errors, words
from ui.page.draft import Draft
from ui.page.uploads import CHUNK, Upload

LARGEST = 500
"""Megabytes."""
SAID = "own_backbone_said"


def show(draft: Draft) -> None:
    """A field for the file and one for the name of its architecture; below, what matched of the one taken over last."""
    with st.expander(_("A backbone of your own"), icon=":material/upload_file:", key="own_backbone"):
        st.caption(
            _(
                "A safetensors file of one of timm's architectures, wherever it was trained. It is compared tensor by "
                "tensor; what fits is kept on this machine, and your own last layer takes the place of its."
            )
        )
        file = st.file_uploader(_("Checkpoint"), type=["safetensors"], key="own_backbone_file", max_upload_size=LARGEST)
        named = st.text_input(
            _("Its architecture, by timm's name"),
            key="own_backbone_name",
            max_chars=80,
            placeholder="resnet18",
            help=_("Can be left empty where the file itself says it."),
        ).strip()
        asked = st.button(
            _("Take it over"), icon=":material/compare_arrows:", key="own_backbone_take", disabled=not file
        )
        if asked and file:
            with errors.calm(_("The checkpoint could not be taken over.")):
                _take(draft, file, named)
        for sentence in st.session_state.get(SAID, {}).get(draft.model, ()):
            st.markdown(f":material/check: {words.plain(sentence)}")


def _take(draft: Draft, file: Upload, named: str) -> None:
    """Asks about the file, which lies in a folder of its own meanwhile, and chooses the model that came of it."""
    from engines.jobs.serving import client

    folder = paths.uploads() / f"backbone-{runs.new_id()}"
    folder.mkdir(parents=True)
    try:
        path = folder / "checkpoint.safetensors"
        file.seek(0)
        with path.open("wb") as target:
            while chunk := file.read(CHUNK):
                target.write(chunk)
        with st.spinner(_("Comparing it with its architecture")):
            found = client.ask({"verb": "bring", "task": draft.task, "file": str(path), "architecture": named})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    st.session_state[SAID] = {found["model"]: found["told"]}
    address.change(model=found["model"])
    st.rerun()
