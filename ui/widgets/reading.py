"""How the data are read: what was guessed of them, what is asked, and how a person says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import InputError
from engines.messages import _, told
from ui.page import address, user_changes, words

GUESS_WIDTH = 200  # pixels at least
NOTHING = "none"


def read_otherwise(**chosen: str | float | None) -> None:
    """Keep settings that say how the data are read; the page checks the data anew with them."""
    here = address.read()
    kept = {**dict(here.settings), **{name: str(value) for name, value in chosen.items() if value is not None}}
    kept = {name: value for name, value in kept.items() if chosen.get(name, value) is not None}
    address.put(replace(here.with_settings(kept), step="data"))


def questions(task: str, error: InputError) -> list[str]:
    """The settings that say how the data are read and that this error asks for."""
    asked = [problem.where.removeprefix("setting ") for problem in error.problems]
    return [name for name in registry.task(task).settings.reading() if name in asked]


def answer(task: str, name: str, error: InputError) -> None:
    """A question with its choices, else the setting's own; the data are read anew with the answer."""
    field = registry.task(task).settings.__dataclass_fields__[name]
    key = f"answer_{name}"
    asked = next((problem.choices for problem in error.problems if problem.where == f"setting {name}"), ())
    choices = [choice for choice in asked or field.metadata["choices"] or () if choice != "auto"]
    if not choices:
        return

    def choose() -> None:
        if st.session_state[key] is not None:
            read_otherwise(**{name: st.session_state[key]})

    st.segmented_control(told(field.metadata["help"]), choices, key=key, on_change=user_changes.changed(key, choose))


def show(guesses: list[dict[str, Any]]) -> None:
    """What was guessed of the data, each with a way to say otherwise: they are then read anew."""
    if not guesses:
        return
    with st.container(border=True, key="read_as"):
        st.markdown(_("**Read as**"))
        st.caption(_("Guessed from your data. Where a guess is wrong, choose another, and they are read anew."))
        with st.grid(min_column_width=GUESS_WIDTH):
            for guess in guesses:
                _guess(guess)


def _guess(guess: dict[str, Any]) -> None:
    label, value, setting = guess["what"].capitalize(), guess["value"] or NOTHING, guess["setting"]
    options = list(dict.fromkeys([value, *guess["alternatives"]]))
    if setting is None or len(options) < 2:
        st.markdown(f":small[{words.plain(label)}]  \n**{words.plain(value)}**", help=words.plain(guess["why"]) or None)
        return
    key = f"read_as_{setting}"
    st.session_state[key] = value

    def choose() -> None:
        chosen = st.session_state[key]
        read_otherwise(**{setting: None if chosen == NOTHING else chosen})

    st.selectbox(
        label, options, key=key, on_change=user_changes.changed(key, choose), help=words.plain(guess["why"]) or None
    )


def forget(task: str) -> None:
    """Read the data as they are read where nobody said anything."""
    read_otherwise(**dict.fromkeys(registry.task(task).settings.reading()))
    st.rerun()
