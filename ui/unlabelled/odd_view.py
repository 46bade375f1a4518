"""Examples unlike the others, and those that are nearly the same: to look at, and to leave out."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engines.messages import _
from ui.page import user_changes
from ui.page.frame import card
from ui.unlabelled import example
from ui.unlabelled.desk import Desk
from ui.unlabelled.found import Found

MOST_PAIRS = 12


def show(desk: Desk, found: Found) -> None:
    with card(_("Unlike the others: {unlike}", unlike=len(found.answer["unlike"]))):
        st.caption(
            _(
                "Farthest from their neighbours, the farthest first. Whether they are mistakes, or only rare, "
                "you can see: every set has some, so this is an order and no verdict."
            )
        )
        _choices(desk, found, [found.place[name] for name in found.answer["unlike"]], "unlike")
    pairs = [(found.place[first], found.place[second]) for first, second in found.answer["copies"]]
    with card(_("Nearly the same as another: {pairs:,}", pairs=len(pairs))):
        if not pairs:
            st.caption(_("None."))
            return
        st.caption(
            _(
                "Of each pair the second would be left out; 'label these first' never asks about it. The same "
                "file twice counts as one example anyway."
            )
        )
        apart = [(first, second) for first, second in pairs if found.ids[first] != found.ids[second]]
        open_ = {found.ids[second] for _, second in apart} - desk.left_out
        if open_ and st.button(
            _("Leave out all {open:,}", open=len(open_)), icon=":material/filter_alt:", key="leave_copies"
        ):
            desk.leave_out(open_)
            st.rerun()
        for first, second in pairs[:MOST_PAIRS]:
            said = _("the same file") if (first, second) not in apart else found.title(second)
            example.strip(found, [first, second], [found.title(first), said])
            if (first, second) in apart:
                _choices(desk, found, [second], f"copy_{second}", draw=False)
        if len(pairs) > MOST_PAIRS:
            st.caption(_("And {pairs:,} more.", pairs=len(pairs) - MOST_PAIRS))


def _choices(desk: Desk, found: Found, positions: Sequence[int], key: str, *, draw: bool = True) -> None:
    """The examples, and what of them is to be left out."""
    out = desk.left_out
    if draw:
        said = [("left out" if found.ids[i] in out else found.title(i)) for i in positions]
        example.strip(found, positions, said)
    where = f"leave_out_{key}"
    st.session_state[where] = [i for i in positions if found.ids[i] in out]

    def change() -> None:
        now = {found.ids[i] for i in st.session_state[where]}
        desk.leave_out({found.ids[i] for i in positions} - now, back=True)
        desk.leave_out(now)

    st.pills(
        _("Leave out"),
        list(positions),
        format_func=found.title,
        selection_mode="multi",
        key=where,
        on_change=user_changes.changed(where, change),
    )
