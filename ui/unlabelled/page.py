"""The page "Look through": bring, look, name, label, and hand over to the five steps."""

from __future__ import annotations

import streamlit as st

from engines.contract import InputError
from engines.messages import _, told
from ui.hosting import recorded_answers
from ui.page import errors, local_storage, user_changes, words
from ui.showing import handover
from ui.unlabelled import bring, groups_view, label_view, map_view, odd_view
from ui.unlabelled import desk as desks
from ui.unlabelled.desk import Desk, labels_of
from ui.unlabelled.found import Found, find
from ui.widgets import plots

TITLES = {"map": _("Map"), "groups": _("Groups"), "odd": _("Odd ones"), "label": _("Label these first")}
DRAW = {"map": map_view.show, "groups": groups_view.show, "odd": odd_view.show, "label": label_view.show}
VIEW, COLUMN = "unlabelled_view", "unlabelled_column"
FEWEST_TO_TRAIN, FEWEST_CLASSES, FEWEST_OF_EACH = 8, 2, 2


def show() -> None:
    try:
        desk = desks.read()
    except InputError as error:
        errors.say(error)
        desk = None
    if desk is None:
        if not recorded_answers.nothing_can_be_brought():
            bring.show()
        return
    try:
        found = find(desk, desks.groups())
    except InputError as error:
        errors.say(error, _("Choose another number of groups, or bring other data."))
        if desks.groups() and st.button(_("The usual number of groups"), icon=":material/undo:"):
            desks.put(groups=None)
            st.rerun()
        _other_data()
        return
    _summary(desk, found)
    _column(desk, found)
    st.session_state[VIEW] = desks.view()

    def choose() -> None:
        desks.put(view=st.session_state[VIEW])

    chosen = st.segmented_control(
        _("What to look at"),
        list(TITLES),
        format_func=lambda name: told(TITLES)[name],
        key=VIEW,
        on_change=user_changes.changed(VIEW, choose),
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )
    with errors.calm(_("This part of the page could not be drawn.")):
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
        text.markdown(
            _(
                "**{plain}**: {count}, {labels:,} labelled",
                plain=words.plain(desk.title),
                count=words.count(found.n, desk.unit),
                labels=len(labels),
            )
        )
        said = ", ".join(f"{n:,} {words.plain(name)}" for name, n in counts.items())
        text.caption(said or _("Nothing is labelled yet: name a group, or label one by one."))
        if out := len(desk.left_out):
            text.caption(_(":material/filter_alt: {count} left out.", count=words.count(out, desk.unit)))
        ready = sum(n >= FEWEST_OF_EACH for n in counts.values()) >= FEWEST_CLASSES and len(labels) >= FEWEST_TO_TRAIN
        if train.button(
            _("Train it properly"),
            type="primary",
            icon=":material/arrow_forward:",
            width="stretch",
            disabled=not ready,
            help=_("Hands what is labelled to the five steps. It takes eight labels, and two of each class."),
        ):
            assert desk.dataset is not None  # something is labelled
            handover.open_in(desk.dataset, desk.task)
        if desk.dataset is not None:
            local_storage.remember(desk.dataset.id, "datasets")
        if desk.dataset is not None and undo.button(_("Undo"), icon=":material/undo:", width="stretch", key="undo"):
            desk.dataset.undo()
            st.session_state.pop(label_view.QUEUE, None)
            st.rerun()


def _column(desk: Desk, found: Found) -> None:
    """Of pairs, conversations and other tables with several columns, which one is looked at."""
    columns = found.answer.get("columns", [])
    if not desk.data or len(columns) < 2:
        return
    st.session_state[COLUMN] = found.answer["column"]

    def choose() -> None:
        desks.put(column=st.session_state[COLUMN], groups=None)

    changed = user_changes.changed(COLUMN, choose)
    st.selectbox(_("The column that is looked at"), columns, key=COLUMN, on_change=changed, width=320)


def _remarks(found: Found) -> None:
    if notes := found.answer["notes"]:
        with st.container(border=True):
            st.markdown(_("**Good to know**\n") + "\n".join(f"- {words.plain(note)}" for note in notes))
    if skipped := found.answer["skipped"]:
        with st.expander(_("{skipped:,} left out, and why", skipped=len(skipped)), icon=":material/filter_alt:"):
            plots.rows([{_("where"): entry["where"], _("why"): entry["reason"]} for entry in skipped[:500]])


def _other_data() -> None:
    if st.button(_("Bring other data"), icon=":material/undo:", type="tertiary"):
        st.query_params.clear()
        for name in (label_view.QUEUE, label_view.PASSED, map_view.CHOSEN):
            st.session_state.pop(name, None)
        st.rerun()
