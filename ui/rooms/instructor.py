"""The view of whoever teaches: who is at which step, who is stuck, and the controls. Steps, never contents."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import streamlit as st

from engines.jobs import room_end
from engines.jobs.backends import backend
from engines.jobs.contract import Standing
from engines.messages import _, _n, told
from engines.rooms import members, rooms
from engines.rooms.members import Member
from engines.rooms.rooms import Room
from ui.page import domains, errors, waiting, words
from ui.rooms import board, line, offering, qr

EVERY = 3.0
ASKED, ENDED = "end_room", "ended_room"
"""Where the session keeps that whoever teaches was asked whether to end the room, and what came of it."""
ELSEWHERE = {
    "": _("Home"),
    "room": _("Room"),
    "showing": _("By showing"),
    "my_data": _("My data"),
    "explore": _("Look through"),
    "kinds": _("Kinds of transfer"),
    "runs": _("Runs"),
    "evidence": _("Evidence"),
    "privacy": _("Privacy"),
}
STEPS = {"data": _("Data"), "model": _("Model"), "strategy": _("Strategy"), "train": _("Train"), "result": _("Result")}


def show(room: Room, taught: Sequence[Room]) -> None:
    """Everything about one of the rooms that this browser runs."""
    if len(taught) > 1:
        with st.container(horizontal=True):
            for other in taught:
                if other.code != room.code:
                    page = domains.further("room")
                    assert page is not None
                    st.page_link(page, label=line.called(other), query_params={"code": other.code})
    st.subheader(line.called(room), anchor=False)
    _way_in(room)
    st.fragment(_live, run_every=EVERY)(room.code)
    board.show(room)
    offering.show(room)
    _end(room)


def _way_in(room: Room) -> None:
    link = f"{room.address}/room?code={room.code}"
    with st.container(border=True, key="way_in"):
        left, right = st.columns([2, 3], vertical_alignment="center")
        with left:
            qr.show(link)
        with right:
            st.markdown(_("### Code: {code}", code=" ".join(room.code)))
            st.code(link, language=None, wrap_lines=True)
            st.caption(_("Show this to everybody: they point a phone's camera at it, or open the link."))


# --- what changes by itself ----------------------------------------------------------------------------


def _live(code: str) -> None:
    with errors.calm(_("The room could not be looked at.")):
        room, here = rooms.find(code), members.here(code)
        standing = backend().standing([member.owner for member in here])
        _state(room)
        _numbers(here, standing)
        _stuck(here)
        _everybody(here, standing)


def _state(room: Room) -> None:
    left = room.until - time.time()
    with st.container(horizontal=True, vertical_alignment="center", key="room_state"):
        if room.over:
            st.markdown(_(":orange-badge[:material/timer_off: Over: nobody joins, nothing new is started.]"))
        elif room.paused:
            st.markdown(_(":orange-badge[:material/pause: Paused: runs are taken and wait, none begins.]"))
        else:
            said = _(":green-badge[:material/check: Open for {time}]", time=words.duration(max(60, left)))
            st.markdown(said)
        if room.paused:
            st.button(_("Go on"), icon=":material/play_arrow:", on_click=rooms.pause, args=(room.code, False))
        else:
            st.button(_("Pause"), icon=":material/pause:", on_click=rooms.pause, args=(room.code, True))
        st.button(_("Half an hour more"), icon=":material/more_time:", on_click=_extend, args=(room.code,))


def _extend(code: str) -> None:
    with errors.calm(_("The room could not be extended.")):
        rooms.extend(code, 0.5)


def _numbers(here: list[Member], standing: Mapping[str, Standing]) -> None:
    all_of = list(standing.values())
    with st.container(horizontal=True):
        st.metric(_("In the room"), str(len(here)))
        st.metric(_("Runs that wait"), str(sum(each.waiting for each in all_of)))
        st.metric(_("That train"), str(sum(each.running for each in all_of)))
        st.metric(_("Have a model"), str(sum(each.done > 0 for each in all_of)))
        st.metric(_("Stuck"), str(sum(member.stuck is not None for member in here)))


def _stuck(here: list[Member]) -> None:
    """Who waits for help, the longest first."""
    waiting = sorted((m for m in here if m.stuck is not None), key=lambda member: member.stuck or 0.0)
    for member in waiting:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"stuck_{member.number}"):
            since = words.duration(max(1.0, time.time() - (member.stuck or 0.0)))
            said = _(
                ":material/front_hand: **{name}** is stuck at {place}, for {since}",
                name=line.name(member),
                place=place(member),
                since=since,
            )
            st.markdown(said, width="content")
            st.button(_("Helped"), key=f"helped_{member.number}", on_click=members.stuck, args=(member, False))


def _everybody(here: list[Member], standing: Mapping[str, Standing]) -> None:
    if not here:
        st.caption(_("Nobody has joined yet."))
        return
    st.table(
        {
            _("Who"): [line.name(member) for member in here],
            _("Where"): [place(member) for member in here],
            _("Runs"): [runs(standing.get(member.owner, Standing())) for member in here],
        }
    )


def place(member: Member) -> str:
    """'Vision, Train'; of a page that is closed, where it was."""
    known = {name: info.title for name, info in domains.domains().items()} | told(ELSEWHERE)
    page = known.get(member.page, member.page)
    where = f"{page}, {told(STEPS)[member.step]}" if member.step in STEPS else page
    return _("{where} (away)", where=where) if member.away else where


def runs(standing: Standing) -> str:
    """'trains · 1 model', 'place 3 in the queue'"""
    said = []
    if standing.running:
        said.append(_("trains"))
    if standing.position:
        said.append(_("place {position} in the queue", position=standing.position))
    if standing.done:
        said.append(_n("1 model", "{n} models", standing.done))
    return " · ".join(said) or "–"


# --- the end ----------------------------------------------------------------------------------------


def _end(room: Room) -> None:
    with st.expander(_("End the room"), icon=":material/delete_forever:"):
        st.markdown(
            _(
                "Everybody's runs, uploads and data sets that were made in the room are deleted, and every word of who "
                "was in it. This can't be undone: whoever wants to keep a model takes it home first."
            )
        )
        sure = st.checkbox(_("Everybody has what they want to keep"), key=f"sure_{room.code}")
        if st.button(_("End it now"), type="primary", icon=":material/delete_forever:", disabled=not sure):
            with errors.calm(_("Not everything could be deleted. Try again.")):
                count = waiting.with_bar(
                    _("Deleting what was made in the room"), lambda tell: room_end.end(backend(), room.code, tell)
                )
                st.session_state[ENDED] = count
                st.rerun()


def ended() -> None:
    """After the end, once: what was deleted."""
    if (count := st.session_state.pop(ENDED, None)) is not None:
        runs = _n("1 run", "{n} runs", count)
        st.success(_("The room has ended. Deleted: {runs}, and what belonged to them.", runs=runs))
