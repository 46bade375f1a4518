"""What a person changed, told apart from what Streamlit calls a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

P = ParamSpec("P")


def changed(key: str, act: Callable[P, None]) -> Callable[P, None]:
    """`act` as the on_change of the widget `key`, called only when its value is another than the one drawn.

    Set `st.session_state[key]` before asking for it. Without this, a click that comes while a page is still being drawn
    calls back every widget drawn so far, though nobody touched them: the run that it started would be left again.
    """
    drawn = st.session_state.get(key)

    def call(*given: P.args, **named: P.kwargs) -> None:
        if st.session_state.get(key) != drawn:
            act(*given, **named)

    return call
