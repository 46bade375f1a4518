"""Step 2: which pretrained model to start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from engines import registry, weights
from engines.contract import InputError, ModelCard
from engines.environment import public
from engines.messages import _, told
from ui.page import address, errors, words
from ui.page.draft import Draft, card
from ui.steps import from_runs, naming, plan
from ui.widgets import ranking

WHERE: dict[str, tuple[words.Colour, str, str, str]] = {
    "here": ("green", ":material/check:", "here", _("The weights are on this machine.")),
    "download": ("gray", ":material/download:", _("needs download"), _("Fetched once, when training starts.")),
    "elsewhere": ("gray", ":material/block:", _("not on this host"), _("This host downloads nothing.")),
    "unreachable": ("gray", ":material/cloud_off:", _("not reachable"), _("The hub can't be reached from here now.")),
}


def show(
    draft: Draft,
    by_hand: str = "",
    example: str = "",
    *,
    only: Sequence[str] = (),
    own: Callable[[Draft], None] | None = None,
    question: str = _("Which network should yours start from?"),
) -> None:
    """Cards of the catalogue. `by_hand` says which other names can be typed, if any, and `example` is one of them;
    `only` names the models that suit the data, where not all do; `own` draws a way to bring one."""
    st.markdown(f"**{question}**")
    catalogue = [entry for entry in registry.task(draft.task).models() if not only or entry.name in only]
    if away := [entry for entry in catalogue if weights.where(entry) == "unreachable"]:
        st.caption(
            _(
                ":material/block: {away} of {catalogue} cannot run here: {lacking}",
                away=len(away),
                catalogue=len(catalogue),
                lacking=plan.lacking(draft.task, len(away)),
            )
        )
    from_runs.chosen(draft)
    with st.grid(min_column_width=300, row_height="content"):
        for entry in catalogue:
            _card(entry, chosen=entry.name == draft.model)
    from_runs.show(draft)
    naming.elsewhere(draft)
    if by_hand and not public():
        _by_hand(draft, by_hand, example)
    if own and not public():
        own(draft)
    ranking.show(draft)
    if draft.model not in {entry.name for entry in catalogue}:
        _card(card(draft.task, draft.model), chosen=True)
    if st.button(
        _("Next: {next_question}", next_question=registry.task(draft.task).info.words.next_question),
        icon=":material/arrow_forward:",
        type="primary",
    ):
        address.change(step="strategy")
        st.rerun()


def _by_hand(draft: Draft, by_hand: str, example: str) -> None:
    with st.container(border=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        typed = left.text_input(
            _("{by_hand}, by its name", by_hand=by_hand),
            key="model_by_hand",
            max_chars=120,
            placeholder=example,
            persist_state="page",
        ).strip()
        if right.button(_("Look it up"), width="stretch", icon=":material/search:", disabled=not typed) and typed:
            try:
                found = card(draft.task, typed)
            except InputError as error:
                errors.say(error)
            else:
                address.change(model=found.name, start=None)
                st.rerun()


def _card(entry: ModelCard, chosen: bool) -> None:
    standing = weights.where(entry)
    out_of_reach = standing == "unreachable"
    colour, icon, where, meaning = told(WHERE)["elsewhere" if out_of_reach and public() else standing]
    with st.container(border=True, height="stretch", key=f"model_{entry.name}".replace(".", "_")):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{entry.title}**", width="content")
            st.badge(where, icon=icon, color=colour, help=meaning)
        size = f" · {words.size(entry.download_bytes)}" if entry.download_bytes else ""
        counted = (
            None if entry.kept == entry.parameters else _("Its own last layer, which yours replaces, is not counted.")
        )
        st.markdown(
            _(
                ":blue[{parameters} parameters]{size} · {licence}",
                parameters=words.parameters(entry.kept),
                size=size,
                licence=entry.licence,
            ),
            help=counted,
        )
        st.caption(
            _(
                "Learnt {source_task}. Takes {input}. {source}",
                source_task=entry.source_task,
                input=entry.input,
                source=entry.source,
            )
        )
        if chosen:
            st.button(_("Chosen"), icon=":material/check:", key=f"pick_{entry.name}", disabled=True, width="stretch")
        elif st.button(_("Choose"), key=f"pick_{entry.name}", width="stretch", disabled=out_of_reach):
            address.change(model=entry.name, start=None)
            st.rerun()
