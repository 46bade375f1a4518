"""The language of a page: the one in the address (`?lang=de`), chosen at its foot, kept by the browser, or its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from engines import messages
from engines.messages import _

CHOSEN = "language"
"""Where the session keeps what somebody chose; what was only found is in FOUND."""
FOUND = "language_found"
NAMES = {"en": "English", "de": "Deutsch"}
"""Each by its own name."""
_JS = """
export default function (component) {
  const { data, setStateValue } = component;
  const key = "headstart.language";
  let kept = null;
  try { kept = localStorage.getItem(key); } catch { /* private window: nothing is kept */ }
  if (data.chosen && kept !== data.chosen) {
    try { localStorage.setItem(key, data.chosen); } catch { /* nothing is kept */ }
  } else if (!data.chosen && data.all.includes(kept) && kept !== data.spoken) {
    setStateValue("kept", kept);
  }
  document.documentElement.lang = data.spoken;  // what screen readers go by
}
"""


def choose() -> None:
    """Before anything is drawn: finds out what this visitor reads."""
    messages.ask(_spoken)
    state, asked = st.session_state, st.query_params.get("lang")
    if asked in messages.languages() and state.get("language_asked") != asked:
        state[CHOSEN] = state["language_asked"] = asked
    if FOUND not in state:
        browsers = (st.context.locale or "").partition("-")[0].lower()
        state[FOUND] = browsers if browsers in messages.languages() else messages.ENGLISH
    messages.speak(state.get(CHOSEN) or state[FOUND])


def _spoken() -> str | None:
    """Of the session for which a part of a page is drawn, in a thread of its own: found out once, since every sentence
    asks. None in a thread that draws nothing."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    state = st.session_state
    found: str | None = state.get(CHOSEN) or state.get(FOUND)
    if found:
        messages.speak(found)
    return found


def show() -> None:
    """The switch, at the foot of every page; nothing where there is one language."""
    if len(messages.languages()) < 2:
        return
    spoken = messages.language()
    st.session_state["language_switch"] = spoken

    def change() -> None:
        st.session_state[CHOSEN] = st.session_state["language_switch"] or spoken

    with st.container(key="language", horizontal=True, horizontal_alignment="right"):
        st.segmented_control(
            _("Language"),
            messages.languages(),
            format_func=lambda name: NAMES.get(name, name),
            key="language_switch",
            on_change=change,
            label_visibility="collapsed",
        )
    told = {"spoken": spoken, "chosen": st.session_state.get(CHOSEN), "all": list(messages.languages())}
    kept = getattr(
        _component()(key="language_kept", data=told, default={"kept": None}, on_kept_change=lambda: None, height=1),
        "kept",
        None,
    )
    if kept in messages.languages() and not st.session_state.get(CHOSEN):
        st.session_state[CHOSEN] = kept
        st.rerun()


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.language", html="<i></i>", js=_JS)
