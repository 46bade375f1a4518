"""A run with a page of its own while it goes on: looked at again and again, until the page moves on by itself."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.runs import RunFolder
from ui.page import errors, recorded
from ui.steps import train


def watch(
    run: RunFolder, draw: Callable[[JobStatus], None], *, key: str, ended: Callable[[], object], trouble: str
) -> None:
    """Draws the run as it stands, in a box called `key`; the whole page is drawn anew when it has `ended`, or stopped.
    `trouble` is what is said where that goes wrong."""
    working = not recorded.is_recorded(run) and not train.settled(backend().status(run.id))

    @st.fragment(run_every=train.EVERY if working else None)
    def look() -> None:
        with errors.calm(trouble):
            status = backend().status(run.id)
            if working and (train.settled(status) or ended()):
                st.rerun(scope="app")
            with st.container(border=True, key=key):
                draw(status)

    look()
