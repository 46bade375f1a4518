"""Where a run that waits is moved among one's own."""

from __future__ import annotations

import streamlit as st

from engines.contract import State
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _
from ui.page import errors


def offer(status: JobStatus) -> None:
    """A button that lets a waiting run change places with the one before it; nothing where none is before it."""
    if status.only_shown or status.stopping or status.state is not State.QUEUED or (status.position or 1) < 2:
        return
    if st.button(
        _("Sooner"),
        icon=":material/arrow_upward:",
        width="stretch",
        key="queue_sooner",
        help=_("It changes places with the run of yours that waits before it; runs of others stay where they are."),
    ):
        with errors.calm(_("It could not be moved.")):
            backend().sooner(status.id)
            st.rerun(scope="app")
