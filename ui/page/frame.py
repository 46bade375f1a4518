"""What a page stands in: a title, a measure that suits reading, and the five steps as one switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engines.hosting import limits
from engines.messages import _, told
from ui.hosting import login, recorded_answers, refused
from ui.page import address, errors, glossary, language, shell, user_changes
from ui.rooms import line

WIDTH = 1080  # pixels; a phone gets what it has
TITLES = {"data": _("Data"), "model": _("Model"), "strategy": _("Strategy"), "train": _("Train"), "result": _("Result")}


@contextmanager
def page(title: str, lead: str = "") -> Iterator[None]:
    """Around everything on a page. Whatever goes wrong inside becomes a sentence and a next step."""
    shell.around()
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH):
        login.show()
        refused.watch()
        line.show()
        st.title(title, anchor=False)
        if lead:
            st.container(key="lead").caption(lead)
        if limits.showcase():
            recorded_answers.banner()
        with errors.calm(_("This page could not be drawn."), _("Reload it; your runs and data are kept.")):
            yield
        line.tell(st.session_state.get(shell.SHOWN, ""))
        glossary.on_this_page()
        language.show()


def steps(current: str) -> str:
    """The five steps as one switch; the step that is shown. A choice goes into the address."""
    st.session_state["step_switch"] = current

    def choose() -> None:
        address.change(step=st.session_state["step_switch"] or current)

    chosen = st.segmented_control(
        _("Step"),
        address.STEPS,
        format_func=lambda step: told(TITLES)[step],
        key="step_switch",
        on_change=user_changes.changed("step_switch", choose),
        required=True,
        label_visibility="collapsed",
        width="stretch",
        wrap=False,
    )
    line.at_step(chosen or current)
    return chosen or current


def card(title: str, key: str | None = None, help: str | None = None) -> st.delta_generator.DeltaGenerator:
    """A bordered container with a heading."""
    box = st.container(border=True, key=key, height="stretch")
    box.markdown(f"**{title}**", help=help)
    return box
