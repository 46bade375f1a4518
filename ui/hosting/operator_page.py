"""The operator's page: how the host is, in numbers without anybody's name, and whether it takes and begins runs."""

from __future__ import annotations

import time

import streamlit as st

from engines.contract import State
from engines.hosting import operation, usage
from engines.hosting.operation import Operation
from engines.jobs.backends import backend
from engines.messages import _, told
from ui.hosting import health
from ui.page import errors, words
from ui.widgets import plots

KNOWN = "operator"
"""Where the session keeps that its visitor has said the token."""
WAIT_SECONDS = 1.0
"""After a token that is wrong: whoever tries many gets no further than one a second."""
EVERY = 5.0
STATES = {
    Operation.OPEN: ("green", ":material/check:", _("Runs are taken and begin.")),
    Operation.PAUSED: ("yellow", ":material/pause:", _("Paused: runs are taken and wait, none begins.")),
    Operation.DRAINING: ("orange", ":material/logout:", _("Draining: no run is taken; those that are here end.")),
}
ENDED = {
    State.DONE: _("done"),
    State.FAILED: _("failed"),
    State.CANCELLED: _("cancelled"),
    State.INTERRUPTED: _("interrupted"),
}
KINDS = {
    "rate": _("requests above a visitor's rate"),
    "upload": _("uploads above a limit"),
    "cookie": _("uploads from browsers that keep no cookie, or have not logged in"),
    "closed": _("requests for what is closed to strangers"),
    "runs": _("runs refused by a limit"),
    "token": _("wrong tokens on this page"),
}
"""Of `operation.count`; another kind is the name of a defect's exception."""


def show() -> None:
    """The token first, then everything. Nothing where no token is set."""
    if not operation.token():
        st.info(_("There is nothing here."))
    elif st.session_state.get(KNOWN):
        st.fragment(_everything, run_every=EVERY)()
    else:
        _ask()


def _ask() -> None:
    with st.form("operator_token", border=False):
        said = st.text_input(_("Token"), type="password", max_chars=500, autocomplete="off")
        asked = st.form_submit_button(_("Open"), type="primary")
    if not asked:
        return
    if operation.is_operator(said):
        st.session_state[KNOWN] = True
        st.rerun()
    operation.count("token")
    time.sleep(WAIT_SECONDS)
    st.warning(_("This is not the token of this host."), icon=":material/error:")


def _everything() -> None:
    with errors.calm(_("The host could not be looked at.")):
        _switch()
        _numbers()
        _ended()
        _refused()


def _switch() -> None:
    now = operation.state()
    colour, icon, sentence = told(STATES)[now]
    with st.container(border=True, key="operation"):
        st.markdown(f":{colour}-badge[{icon} {sentence}]")
        with st.container(horizontal=True):
            for chosen, label, symbol in (
                (Operation.PAUSED, _("Pause"), ":material/pause:"),
                (Operation.DRAINING, _("Drain"), ":material/logout:"),
                (Operation.OPEN, _("Resume"), ":material/play_arrow:"),
            ):
                st.button(label, icon=symbol, disabled=now is chosen, on_click=_choose, args=(chosen,))
        st.caption(_("It holds until you choose otherwise, after a restart too."))


def _choose(chosen: Operation) -> None:
    with errors.calm(_("This could not be written down.")):
        operation.choose(chosen)


def _numbers() -> None:
    found = health.look()
    with st.container(horizontal=True):
        st.metric(_("Visitors today"), f"{usage.visitors_today():,}", help=_("Who brought or started something."))
        st.metric(_("Waiting"), f"{found['waiting']:,}")
        st.metric(_("Training"), f"{found['running']:,}")
        st.metric(_("Silent"), f"{found['silent']:,}", help=_("Runs that train and have given no sign for a minute."))
        st.metric(_("Free disk"), words.size(found["disk_free_bytes"]))


def _ended() -> None:
    st.subheader(_("Runs of the last 24 hours"), anchor=False)
    ended = backend().load().ended
    plots.rows([{_("ended"): name, _("runs"): ended.get(state, 0)} for state, name in told(ENDED).items()])


def _refused() -> None:
    since, counted = operation.counted()
    st.subheader(_("Refusals and failures"), anchor=False)
    st.caption(_("Since this process began, {moment}.", moment=words.moment(since)))
    if counted:
        kinds = told(KINDS)
        plots.rows([{_("kind"): kinds.get(kind, kind), _("times"): times} for kind, times in counted.items()])
    else:
        st.caption(_("None."))
