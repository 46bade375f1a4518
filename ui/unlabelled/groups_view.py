"""The groups, each as a strip of its examples: named, a group becomes a class."""

from __future__ import annotations

import numpy as np
import streamlit as st

from engines.messages import _
from ui.page import errors, user_changes, words
from ui.unlabelled import desk as desks
from ui.unlabelled import example, naming
from ui.unlabelled.desk import Desk, labels_of
from ui.unlabelled.found import Found

SHOWN = 8
MOST_GROUPS = 30
NUMBER = "unlabelled_groups"


def show(desk: Desk, found: Found) -> None:
    st.session_state[NUMBER] = found.k

    def asked() -> None:
        desks.put(groups=st.session_state[NUMBER])

    st.number_input(
        _("How many groups?"),
        2,
        max(found.k, min(MOST_GROUPS, found.n)),
        key=NUMBER,
        on_change=user_changes.changed(NUMBER, asked),
        width=220,
        help=_("You choose: how many kinds there 'are' is not in the data. More groups are purer, and more to name."),
    )
    labels = labels_of(desk, found.by_id)
    for group in found.answer["clusters"]:
        _group(desk, found, group, labels)


def members(found: Found, number: int) -> list[int]:
    return [i for i, own in enumerate(found.columns["cluster"]) if own == number]


def shown(found: Found, number: int, medoid: str) -> list[int]:
    """The example in the middle of a group, and some more, always the same."""
    own, first = members(found, number), found.place[medoid]
    others = np.random.default_rng(number).permutation([i for i in own if i != first])
    return [first, *others[: SHOWN - 1].tolist()]


def _group(desk: Desk, found: Found, group: dict[str, object], labels: dict[str, str]) -> None:
    number = int(str(group["number"]))
    own, out = members(found, number), desk.left_out
    named = [labels[found.ids[i]] for i in own if found.ids[i] in labels]
    with st.container(border=True):
        said = _("**Group {number}**: {count}", number=number + 1, count=words.count(len(own), desk.unit))
        counts = {name: named.count(name) for name in dict.fromkeys(named)}
        said += "".join(f" · {n:,} {words.plain(name)}" for name, n in counts.items())
        if left := sum(found.ids[i] in out for i in own):
            said += _(" · {left:,} left out", left=left)
        st.markdown(said)
        example.strip(found, shown(found, number, str(group["medoid"])))
        if found.kind not in naming.KINDS or len(named) == len(own):
            return
        with st.form(f"name_group_{number}", border=False, clear_on_submit=True):
            text, button = st.columns([3, 2], vertical_alignment="bottom")
            label = text.text_input(
                _("What are those in group {number}?", number=number + 1), key=f"group_name_{number}"
            )
            pressed = button.form_submit_button(
                _("Name group {number}", number=number + 1), width="stretch", icon=":material/label:"
            )
        if pressed:
            with errors.calm(_("The group could not be named.")):
                naming.name(desk, found, own, label)
                st.rerun()
