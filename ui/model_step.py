"""Step 2: which pretrained model to start from."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engines import registry, weights
from engines.contract import InputError, ModelCard
from ui import address, errors, words
from ui.draft import Draft, card

WHERE = {
    "here": ("green", ":material/check:", "here", "The weights are on this machine."),
    "download": ("gray", ":material/download:", "needs download", "Fetched once, when training starts."),
    "unreachable": ("gray", ":material/cloud_off:", "not reachable", "The hub can't be reached from here now."),
}


def show(
    draft: Draft, by_hand: str = "", example: str = "", *, only: Sequence[str] = (),
    question: str = "Which network should yours start from?",
) -> None:  # fmt: skip
    """Cards of the catalogue. `by_hand` says which other names can be typed, if any, and `example` is one of them;
    `only` names the models that suit the data, where not all do."""
    st.markdown(f"**{question}**")
    catalogue = [entry for entry in registry.task(draft.task).models() if not only or entry.name in only]
    with st.grid(min_column_width=300, row_height="content"):
        for entry in catalogue:
            _card(entry, chosen=entry.name == draft.model)
    if by_hand:
        _by_hand(draft, by_hand, example)
    if draft.model not in {entry.name for entry in catalogue}:
        _card(card(draft.task, draft.model), chosen=True)
    if st.button(f"Next: {words.next_question(draft.task)}", icon=":material/arrow_forward:", type="primary"):
        address.change(step="strategy")
        st.rerun()


def _by_hand(draft: Draft, by_hand: str, example: str) -> None:
    with st.container(border=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        typed = left.text_input(
            f"{by_hand}, by its name", key="model_by_hand", max_chars=120, placeholder=example, persist_state="page"
        ).strip()
        if right.button("Look it up", width="stretch", icon=":material/search:", disabled=not typed) and typed:
            try:
                found = card(draft.task, typed)
            except InputError as error:
                errors.say(error)
            else:
                address.change(model=found.name)
                st.rerun()


def _card(entry: ModelCard, chosen: bool) -> None:
    colour, icon, where, meaning = WHERE[weights.where(entry)]
    with st.container(border=True, height="stretch", key=f"model_{entry.name}".replace(".", "_")):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{entry.title}**", width="content")
            st.badge(where, icon=icon, color=colour, help=meaning)  # type: ignore[arg-type]
        size = f" · {words.size(entry.download_bytes)}" if entry.download_bytes else ""
        st.markdown(f":blue[{words.parameters(entry.parameters)} parameters]{size} · {entry.licence}")
        st.caption(f"Learnt {entry.source_task}. Takes {entry.input}. {entry.source}")
        if chosen:
            st.button("Chosen", icon=":material/check:", key=f"pick_{entry.name}", disabled=True, width="stretch")
        elif st.button("Choose", key=f"pick_{entry.name}", width="stretch"):
            address.change(model=entry.name)
            st.rerun()
