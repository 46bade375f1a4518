"""A run as one file: taken from here, and opened here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from engines.hosting import limits
from engines.jobs.serving import client
from engines.messages import _, _n
from engines.runs import RunFolder
from ui.page import errors, words
from ui.widgets import take_home

SECONDS = 300.0
"""For a large model on a busy machine."""
OPENED = "opened_run"
"""Where the session keeps what was left out of the file that was opened last."""


def packed(run: RunFolder) -> Callable[[], BinaryIO]:
    """Makes the file when it is asked for."""

    def make() -> BinaryIO:
        folder = Path(tempfile.mkdtemp(prefix="headstart-run-"))
        try:
            asked = {"verb": "pack", "run": run.address, "out": str(folder / "run.zip")}
            return take_home.opened(Path(client.ask(asked, seconds=SECONDS)["path"]))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return make


def take(run: RunFolder) -> None:
    """The button below a run that is done and one's own."""
    st.download_button(
        _("Take this run as one file"),
        key=f"pack_{run.id}",
        data=packed(run),
        file_name=f"headstart-run-{words.moment(run.recipe.created)[:10]}.zip",
        mime="application/zip",
        on_click="ignore",
        icon=":material/archive:",
        help=_(
            "Another Headstart opens it under Runs: result, curves, the test examples that this page shows, and the "
            "model. What it learnt from stays here."
        ),
    )


def open_one() -> None:
    """On the page Runs. Not on a host for strangers, which would load a network that one of them has made."""
    if limits.public() or limits.showcase():
        return
    if said := st.session_state.pop(OPENED, None):
        st.success(said, icon=":material/check:")
    with st.expander(_("Open a run from a file"), icon=":material/unarchive:"):
        st.caption(_("What “Take this run as one file” wrote, here or in another Headstart."))
        file = st.file_uploader(_("Run"), type=["zip"], key="run_file", label_visibility="collapsed")
        if file is not None and st.button(_("Open it"), key="open_run", icon=":material/arrow_forward:"):
            with errors.calm(_("The file could not be opened.")), st.spinner(_("Opening …")):
                _open(file, file.name)
                st.rerun()


def _open(file: BinaryIO, name: str) -> None:
    """Puts the run on this browser's list. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="headstart-run-") as place:
        source = Path(place) / "run.zip"
        with source.open("wb") as target:
            shutil.copyfileobj(file, target)
        found = client.ask({"verb": "open_run", "file": str(source), "owner": ""}, seconds=SECONDS)
    st.session_state["restored_runs"] = [found["run"]]
    left = _n("; one file in it was left out", "; {n} files in it were left out", len(found["skipped"]))
    opened = _("{name} is open: it is on your list.", name=words.plain(name))
    st.session_state[OPENED] = opened + (left if found["skipped"] else "")
