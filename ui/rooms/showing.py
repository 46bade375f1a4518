"""Below a finished run of somebody in a room: show it on the board, or take it back."""

from __future__ import annotations

import streamlit as st

from engines import registry
from engines.contract import InputError, State
from engines.hosting import limits
from engines.jobs import room_board
from engines.jobs.backends import backend
from engines.messages import _
from engines.rooms import asides, board, members
from engines.rooms.asides import Aside
from engines.rooms.board import Entry
from engines.rooms.members import Member
from engines.runs import RunFolder
from ui.page import errors, recorded, visitor, words
from ui.rooms import line

EVERY = 2.0


def show(found: recorded.Finished) -> None:
    """Nothing for whoever is in no room, and where the room has no board of this task."""
    if not limits.public() or limits.showcase() or not recorded.is_own(found.run):
        return
    known = visitor.myself()
    in_room = members.of_visitor(known)
    if not in_room or not any(aside.task == found.recipe.task for aside in asides.every(in_room[0])):
        return
    with st.container(border=True, key="on_the_board", gap="small"):
        _part(known, found.run)


def _part(known: str, run: RunFolder) -> None:
    """What can be done now, looked at anew while the model is being asked."""
    with errors.calm(_("The board could not be shown.")):
        in_room = members.of_visitor(known)
        if not in_room:
            return
        room, member = in_room
        if why := room_board.why_not(member, run):
            st.caption(_(":material/leaderboard: Not for the room's board: {why}.", why=why))
            return
        aside = asides.learnt_from(room, run.recipe.task, run.recipe.data)
        assert aside is not None  # `why_not` has looked
        entry = board.of_member(member, aside)
        asking = entry is not None and entry.run == run.id and entry.score is None and not _stopped(entry)
        st.fragment(_look, run_every=EVERY if asking else None)(member, run, aside, asking)


def _look(member: Member, run: RunFolder, aside: Aside, asking: bool) -> None:
    with errors.calm(_("The board could not be shown.")):
        entry = board.of_member(member, aside)
        if asking and (entry is None or entry.score or _stopped(entry)):
            st.rerun(scope="app")
        if entry is None or entry.run != run.id:
            _offer(member, run, aside, entry)
        else:
            _shown(member, run, aside, entry)


def _offer(member: Member, run: RunFolder, aside: Aside, other: Entry | None) -> None:
    st.markdown(
        _(
            ":material/leaderboard: **The room's board.** Everybody in the room would see: {name}, the score with its "
            "interval, the strategy and the model. Nobody sees it unless you press the button.",
            name=line.name(member),
        )
    )
    if aside.ask is not None:
        st.caption(
            _(
                "Your model is asked about {n} {unit} that the room has kept aside. Each time counts as a try, and the "
                "board says how many there were.",
                n=aside.n,
                unit=registry.task(aside.task).info.unit,
            )
        )
    if other is not None:
        st.caption(_("You show another run of yours: this one would take its place."))
    if st.button(_("Show mine on the board"), icon=":material/leaderboard:", type="primary"):
        _ask(member, run)


def _shown(member: Member, run: RunFolder, aside: Aside, entry: Entry) -> None:
    info = registry.task(aside.task).info
    if entry.score:
        st.markdown(
            _(
                ":material/leaderboard: **On the board**: {value} ({interval}), on {n} {unit}. All in the room see it.",
                value=words.metric(info.metric, entry.score.value),
                interval=words.interval(info.metric, entry.score.low, entry.score.high),
                n=entry.score.n,
                unit=info.unit,
            )
        )
    elif why := _stopped(entry):
        st.warning(words.plain(why), icon=":material/error:")
        if st.button(_("Ask it again"), icon=":material/replay:"):
            _ask(member, run)
    else:
        st.caption(_(":material/hourglass_top: Your model is being asked; first models of others go before."))
    if st.button(_("Take it back"), icon=":material/undo:"):
        with errors.calm(_("This could not be taken back.")):
            room_board.take_back(backend(), member, aside)
            st.rerun(scope="app")


def _ask(member: Member, run: RunFolder) -> None:
    with errors.calm(_("This could not be shown.")):
        room_board.show(backend(), member, run)
        st.rerun(scope="app")


def _stopped(entry: Entry) -> str:
    """Why the model could not be asked; '' while it may still answer."""
    if entry.score or not entry.asked:
        return ""
    try:
        status = backend().status(entry.asked)
    except InputError:  # its answers are gone, as old runs go on some hosts
        return _("The model could not be asked.")
    if not status.state.finished or status.state is State.DONE:
        return ""
    return status.message or _("The model could not be asked.")
