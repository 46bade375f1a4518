"""What stands above a result while training from scratch still goes on, or when it stopped before its end."""

from __future__ import annotations

import streamlit as st

from engines.contract import State, TaskInfo
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _
from engines.runs import RunFolder
from ui.page import errors, recorded, words
from ui.steps import train
from ui.steps.overall import overall


def show(info: TaskInfo, found: recorded.Finished) -> None:
    """How far the comparison is, looked at again every second; nothing where it has ended."""
    if found.result.comparison != "running" or recorded.is_recorded(found.run):
        return
    goes_on = not train.settled(backend().status(found.run.id))

    @st.fragment(run_every=train.EVERY if goes_on else None)
    def live() -> None:
        with errors.calm(_("The comparison could not be looked at.")):
            status = backend().status(found.run.id)
            if goes_on and train.settled(status):
                st.rerun(scope="app")  # the result is complete, or the comparison stopped
            with st.container(border=True, key="comparison"):
                _standing(info, found.run, status)

    live()


def _standing(info: TaskInfo, run: RunFolder, status: JobStatus) -> None:
    said, button = st.columns([4, 1], vertical_alignment="center")
    if status.state in {State.QUEUED, State.RUNNING}:
        now = overall(backend().events(run.id), info.unit, compares=True)
        doing = (
            _("Stopping the comparison")
            if status.stopping
            else _("The result is here; the comparison goes on. {text}", text=now.text)
        )
        said.progress(now.share, doing)
        help = _("The model and its result stay as they are; they are not compared with training from scratch.")
        if not status.only_shown and button.button(
            _("Skip the comparison"), icon=":material/skip_next:", width="stretch", disabled=status.stopping, help=help
        ):
            with errors.calm(_("The comparison could not be skipped.")):
                backend().cancel(run.id)
                st.rerun(scope="app")
        return
    message = f" {words.plain(status.message)}" if status.message else ""
    said.warning(
        _("The comparison stopped before its end; the result below stands.{message}", message=message),
        icon=":material/error:",
    )
    if not status.only_shown and button.button(
        _("Resume"), icon=":material/play_arrow:", width="stretch", disabled=not status.may_resume
    ):
        with errors.calm(_("The run could not be resumed.")):
            backend().submit(None, resume=run.id)
            st.rerun(scope="app")
