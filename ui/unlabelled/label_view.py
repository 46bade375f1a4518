"""Label these first: one example at a time, by key or button, and how well it goes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import InputError
from engines.jobs.serving import client
from engines.messages import _
from ui.page import errors, words
from ui.unlabelled import example, keys, naming, progress
from ui.unlabelled.desk import Desk, labels_of
from ui.unlabelled.found import Found

MOST_KEYS = 9
QUEUE, PASSED = "unlabelled_queue", "unlabelled_passed"
AHEAD = 20
"""Examples that are put in order at once."""


def show(desk: Desk, found: Found) -> None:
    if found.kind not in naming.KINDS:
        st.caption(_("Series have no classes to label. The map and the groups show which of them are alike."))
        return
    enough = len(classes_of(desk)) > 1
    if not enough:
        _classes(desk, found)
    labels = labels_of(desk, found.by_id)
    position = _next(desk, found, labels)
    if position is None:
        st.markdown(_("**Everything is labelled or left out.**"))
    else:
        _ask(desk, found, position)
    if enough:
        with st.expander(_("Name a further class"), icon=":material/add:"):
            _classes(desk, found)
    if labels:
        progress.show(desk, _asked(desk, found, labels, 0)["curve"])


def classes_of(desk: Desk) -> list[str]:
    return list(desk.dataset.state().classes) if desk.dataset else []


def _classes(desk: Desk, found: Found) -> None:
    """A name for a further class, or those that came with a sample."""
    own = classes_of(desk)
    with st.form("add_class", border=False, clear_on_submit=True):
        text, button = st.columns([3, 2], vertical_alignment="bottom")
        label = text.text_input(_("Name a class") if not own else _("Name a further class"), key="class_name")
        pressed = button.form_submit_button(_("Add the class"), icon=":material/add:", width="stretch")
    if pressed:
        with errors.calm(_("The class could not be added.")):
            naming.dataset(desk, found).add_class(label)
            st.rerun()
    theirs = sorted(set(found.came_as))
    if (
        desk.sample
        and not own
        and theirs
        and st.button(_("Take the sample's {theirs} classes", theirs=len(theirs)), type="tertiary")
    ):
        into = naming.dataset(desk, found)
        for name in theirs:
            into.add_class(name)
        st.rerun()


def _ask(desk: Desk, found: Found, position: int) -> None:
    """One example, and what may be answered."""
    own = classes_of(desk)
    answers = {str(number): name for number, name in enumerate(own[:MOST_KEYS], 1)}
    with st.container(border=True, key="label_this"):
        picture, choices = st.columns([2, 3])
        with picture:
            example.one(found, position)
        with choices:
            pressed = _buttons(own)
            use = st.toggle(_("Answer with the keyboard"), value=True, key="use_keys", help=_keys(answers))
        if use:
            pressed = _by_key(answers, found.ids[position]) or pressed
    if pressed is not None:
        with errors.calm(_("The label could not be kept.")):
            _done(desk, found, position, pressed)
            st.rerun()


def _buttons(own: list[str]) -> tuple[str, str] | None:
    """(what was pressed, the class)."""
    pressed = None
    if not own:
        st.caption(_("Name two classes or more, and then say of each example which it is."))
    with st.container(horizontal=True, gap="small"):
        for number, name in enumerate(own, 1):
            key = f"{number} · " if number <= MOST_KEYS else ""
            if st.button(f"{key}{words.plain(name)}", key=f"class_{number}"):
                pressed = "label", name
    with st.container(horizontal=True, gap="small"):
        if st.button(_("Skip"), icon=":material/skip_next:", type="tertiary", key="skip"):
            pressed = "skip", ""
        if st.button(_("Leave it out"), icon=":material/filter_alt:", type="tertiary", key="leave_this_out"):
            pressed = "out", ""
        if st.button(_("Undo"), icon=":material/undo:", type="tertiary", key="undo_label"):
            pressed = "undo", ""
    return pressed


def _by_key(answers: dict[str, str], of: str) -> tuple[str, str] | None:
    match keys.listen([*answers, "s", "u"], of, key="label_keys"):
        case None:
            return None
        case "s":
            return "skip", ""
        case "u":
            return "undo", ""
        case number:
            return "label", answers[number]


def _keys(answers: dict[str, str]) -> str:
    named = _("1 to {answers}: the classes; ", answers=len(answers)) if len(answers) > 1 else ""
    return _("{named}S: skip; U: undo. Keys count while nothing is being typed.", named=named)


def _done(desk: Desk, found: Found, position: int, pressed: tuple[str, str]) -> None:
    what, label = pressed
    if what == "label":
        naming.change(desk, found, position, label)
    elif what == "skip":
        st.session_state.setdefault(PASSED, set()).add(found.ids[position])
    elif what == "out":
        desk.leave_out([found.ids[position]])
    elif desk.dataset is not None:
        desk.dataset.undo()
        st.session_state.pop(QUEUE, None)


def _next(desk: Desk, found: Found, labels: dict[str, str]) -> int | None:
    """The example that is asked about: the first of those that were put in order and are still open."""
    out, passed = desk.left_out, st.session_state.get(PASSED, set())
    queue = st.session_state.get(QUEUE)
    if queue is None or queue["of"] != _key(desk, found):
        queue = None
    for again in (False, True):
        if queue is None or again:
            names = found.answer["first"] if not labels and not again else _asked(desk, found, labels, AHEAD)["next"]
            queue = st.session_state[QUEUE] = {"of": _key(desk, found), "names": names}
        for name in queue["names"]:
            position = found.place[name]
            own = found.ids[position]
            if own not in labels and own not in out and own not in passed:
                return position
    if passed:
        st.session_state[PASSED] = set()
        st.session_state.pop(QUEUE, None)
        return _next(desk, found, labels)
    return None


def _key(desk: Desk, found: Found) -> str:
    return f"{desk.folder} {found.k}"


def _asked(desk: Desk, found: Found, labels: dict[str, str], wanted: int) -> dict[str, Any]:
    """What the server says of the labels so far; nothing further where it is out of reach."""
    place = found.by_id
    question = {
        "verb": "suggest",
        "folder": str(desk.folder),
        "labels": [[found.columns["file"][place[own]], label] for own, label in labels.items()],
        "left_out": [found.columns["file"][place[own]] for own in desk.left_out if own in place],
        "passed_over": [
            found.columns["file"][place[own]] for own in st.session_state.get(PASSED, set()) if own in place
        ],
        "a_round": found.k,
        "wanted": wanted,
    }
    try:
        return client.ask(question)
    except (InputError, client.ServerFailed) as error:
        st.caption(_("What comes next could not be found out: {plain}", plain=words.plain(str(error))))
        return {"next": [], "curve": []}
