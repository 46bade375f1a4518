"""The page "Look through": bring, look, name, label, and hand over to the five steps."""

from __future__ import annotations

import streamlit as st

from engines.contract import InputError
from ui.page import errors, local_storage, user_changes, words
from ui.showing import handover
from ui.unlabelled import bring, groups_view, label_view, map_view, odd_view
from ui.unlabelled import desk as desks
from ui.unlabelled.desk import Desk, labels_of
from ui.unlabelled.found import Found, find
from ui.widgets import plots

TITLES = {"map": "Map", "groups": "Groups", "odd": "Odd ones", "label": "Label these first"}
DRAW = {"map": map_view.show, "groups": groups_view.show, "odd": odd_view.show, "label": label_view.show}
VIEW = "unlabelled_view"
FEWEST_TO_TRAIN, FEWEST_CLASSES, FEWEST_OF_EACH = 8, 2, 2


def show() -> None:
    try:
        desk = desks.read()
    except InputError as error:
        errors.say(error)
        desk = None
    if desk is None:
        bring.show()
        return
    try:
        found = find(desk, desks.groups())
    except InputError as error:
        errors.say(error, "Choose another number of groups, or bring other data.")
        if desks.groups() and st.button("The usual number of groups", icon=":material/undo:"):
            desks.put(groups=None)
            st.rerun()
        _other_data()
        return
    _summary(desk, found)
    st.session_state[VIEW] = desks.view()

    def choose() -> None:
        desks.put(view=st.session_state[VIEW])

    chosen = st.segmented_control(
        "What to look at",
        list(TITLES),
        format_func=lambda name: TITLES[name],
        key=VIEW,
        on_change=user_changes.changed(VIEW, choose),
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )
    with errors.calm("This part of the page could not be drawn."):
        DRAW[chosen or "map"](desk, found)
    _remarks(found)
    _other_data()


def _summary(desk: Desk, found: Found) -> None:
    labels = labels_of(desk, found.by_id)
    counts: dict[str, int] = {}
    for label in labels.values():
        counts[label] = counts.get(label, 0) + 1
    with st.container(border=True, key="labels_so_far"):
        text, train, undo = st.columns([5, 3, 2], vertical_alignment="center")
        text.markdown(f"**{words.plain(desk.title)}**: {words.count(found.n, desk.unit)}, {len(labels):,} labelled")
        said = ", ".join(f"{n:,} {words.plain(name)}" for name, n in counts.items())
        text.caption(said or "Nothing is labelled yet: name a group, or label one by one.")
        if out := len(desk.left_out):
            text.caption(f":material/filter_alt: {words.count(out, desk.unit)} left out.")
        ready = sum(n >= FEWEST_OF_EACH for n in counts.values()) >= FEWEST_CLASSES and len(labels) >= FEWEST_TO_TRAIN
        if train.button(
            "Train it properly",
            type="primary",
            icon=":material/arrow_forward:",
            width="stretch",
            disabled=not ready,
            help="Hands what is labelled to the five steps. It takes eight labels, and two of each class.",
        ):
            assert desk.dataset is not None  # something is labelled
            handover.open_in(desk.dataset, desk.task)
        if desk.dataset is not None:
            local_storage.remember(desk.dataset.id, "datasets")
        if desk.dataset is not None and undo.button("Undo", icon=":material/undo:", width="stretch", key="undo"):
            desk.dataset.undo()
            st.session_state.pop(label_view.QUEUE, None)
            st.rerun()


def _remarks(found: Found) -> None:
    if notes := found.answer["notes"]:
        with st.container(border=True):
            st.markdown("**Good to know**\n" + "\n".join(f"- {words.plain(note)}" for note in notes))
    if skipped := found.answer["skipped"]:
        with st.expander(f"{len(skipped):,} left out, and why", icon=":material/filter_alt:"):
            plots.rows([{"where": entry["where"], "why": entry["reason"]} for entry in skipped[:500]])


def _other_data() -> None:
    if st.button("Bring other data", icon=":material/undo:", type="tertiary"):
        st.query_params.clear()
        for name in (label_view.QUEUE, label_view.PASSED, map_view.CHOSEN):
            st.session_state.pop(name, None)
        st.rerun()
