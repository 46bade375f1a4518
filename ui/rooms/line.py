"""The line on the pages of whoever is in a room: its name, a button for help, and what whoever teaches offers."""

from __future__ import annotations

import contextlib
import sqlite3
import time

import streamlit as st

from engines.hosting import limits
from engines.messages import _
from engines.rooms import asides, members, rooms
from engines.rooms.members import Member
from engines.rooms.rooms import Broadcast, Room
from ui.page import domains, errors, visitor, words
from ui.rooms import taking

EVERY = 5.0
"""Seconds after which a page looks whether something was offered, or the room has ended."""
SEEN_SECONDS = 20.0
"""After so long a page that is open says so again."""
STEP, TOLD = "room_step", "room_told"
"""Where the session keeps the step that is being drawn, and what was last told of where it is."""


def show() -> None:
    """Above everything on a page; nothing for whoever is in no room."""
    if not limits.public() or limits.showcase():
        return
    with errors.calm(_("The room could not be shown.")):
        known = visitor.myself()
        if members.of_visitor(known):
            st.fragment(_line, run_every=EVERY)(known)


def at_step(step: str) -> None:
    """The page that is being drawn has come to that one of the five steps."""
    st.session_state[STEP] = step


def tell(page: str) -> None:
    """Once a page is drawn: whoever teaches sees where its visitor is. `page` is its name in the address."""
    place = page, st.session_state.pop(STEP, "")
    if not limits.public() or limits.showcase() or st.session_state.get(TOLD) == place:
        return
    with contextlib.suppress(sqlite3.Error):  # a page is worth more than who is where
        if found := members.of_visitor(visitor.myself()):
            members.at(found[1], *place)
            st.session_state[TOLD] = place


def _line(known: str) -> None:
    with errors.calm(_("The room could not be shown.")):
        found = members.of_visitor(known)
        if found is None:
            st.info(_("The room has ended. What was made in it is deleted."), icon=":material/door_open:")
            return
        room, member = found
        if time.time() - member.seen > SEEN_SECONDS:
            members.seen(member)
        with st.container(border=True, key="room_line", gap="small"):
            _who(room, member)
            offer = rooms.offered(room.code)
            if offer and offer.number > member.had:
                _offered(member, offer)


def _who(room: Room, member: Member) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            _(":material/groups: **{room}** · {name}", room=called(room), name=name(member)) + _state(room),
            width="content",
        )
        if (page := domains.further("room")) and asides.every(room):
            st.page_link(page, label=_("Board"), icon=":material/leaderboard:")
        if member.stuck:
            st.button(
                _("I am fine again"),
                icon=":material/front_hand:",
                type="primary",
                help=_("Whoever teaches sees that you would like help."),
                on_click=members.stuck,
                args=(member, False),
            )
        else:
            st.button(_("I am stuck"), icon=":material/front_hand:", on_click=members.stuck, args=(member, True))


def _state(room: Room) -> str:
    if room.over:
        return _(" · :orange[this room is over: nothing new is started]")
    return _(" · :orange[paused: runs wait]") if room.paused else ""


def _offered(member: Member, offer: Broadcast) -> None:
    note = f"  \n{words.plain(offer.note)}" if offer.note else ""
    st.markdown(f":material/campaign: **{_('For everybody')}**: {taking.sentence(offer)}{note}")
    with st.container(horizontal=True):
        if st.button(_("Take it"), type="primary", icon=":material/arrow_forward:"):
            taking.take(member, offer)
        st.button(_("Not now"), on_click=members.have, args=(member, offer.number))


def called(room: Room) -> str:
    """The room's name, or its code where it has none."""
    return words.plain(room.name) if room.name else _("Room {code}", code=room.code)


def name(member: Member) -> str:
    """What somebody likes to be called, or the number by which they came."""
    return words.plain(member.name) if member.name else _("Guest {number}", number=member.number)
