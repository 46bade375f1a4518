"""The page /room: coming into one, being in one, and starting one."""

from __future__ import annotations

import time

import streamlit as st

from engines.contract import InputError
from engines.hosting import limits, operation
from engines.messages import _
from engines.rooms import codes, members, rooms
from engines.rooms.members import Member
from engines.rooms.rooms import Room
from ui.page import domains, errors, visitor
from ui.rooms import board, instructor, line

CODE, TEACH = "code", "teach"
"""In the address: the room's code, and once, of whoever teaches, the token that runs it."""
WAIT_SECONDS = 1.0
"""After a code or a token that is wrong: whoever tries many gets no further than one a second."""


def show() -> None:
    """The whole page."""
    if not limits.public() or limits.showcase():
        st.info(
            _(
                "A room needs an app that tells its visitors apart: say `headstart room`, or `make room`, on the "
                "machine that everybody shall work on."
            ),
            icon=":material/groups:",
        )
        return
    known = visitor.myself()
    if not known:
        st.warning(_("This browser keeps no cookie: allow it one, and load the page again."), icon=":material/cookie:")
        return
    _teach_by_link(known)
    if taught := rooms.taught_by(known):
        asked = codes.read(st.query_params.get(CODE, ""))
        room = next((room for room in taught if room.code == asked), taught[0])
        if st.query_params.get(board.ALONE):
            st.subheader(line.called(room), anchor=False)
            board.show(room, alone=True)
        else:
            instructor.show(room, taught)
        return
    if found := members.of_visitor(known):
        _inside(*found)
    else:
        _join(known)
    _teach(known)


# --- coming in --------------------------------------------------------------------------------------


def _join(known: str) -> None:
    with st.form("join_room"):
        said = st.text_input(
            _("Code"), value=st.query_params.get(CODE, "")[:20], max_chars=20, placeholder=_("five letters")
        )
        name = st.text_input(
            _("Name, if you like"),
            max_chars=rooms.LONGEST_NAME,
            help=_("Whoever teaches sees it; others only where you show a result on the room's board."),
        )
        st.caption(
            _(
                "Whoever teaches sees at which step you are, not your data or results. What you make in the room is "
                "deleted when it ends."
            )
        )
        asked = st.form_submit_button(_("Join"), type="primary", icon=":material/login:", width="stretch")
    if not asked:
        return
    try:
        members.join(said, known, name)
    except InputError as error:
        time.sleep(WAIT_SECONDS)
        errors.say(error)
        return
    st.rerun()


def _inside(room: Room, member: Member) -> None:
    st.success(
        _("You are in {room}, as {name}.", room=line.called(room), name=line.name(member)), icon=":material/groups:"
    )
    st.markdown(_("Begin with whatever you like; whoever teaches can also offer something to everybody above."))
    with st.container(horizontal=True):
        for domain, info in domains.domains().items():
            st.page_link(domains.page(domain), label=info.title, icon=":material/arrow_forward:")
    board.show(room, member)
    with st.expander(_("Another name, or leave"), icon=":material/person:"):
        with st.form("rename_in_room", border=False):
            name = st.text_input(_("Name, if you like"), value=member.name, max_chars=rooms.LONGEST_NAME)
            if st.form_submit_button(_("Keep this name")):
                members.join(room.code, visitor.myself(), name)
                st.rerun()
        st.caption(_("What you made in the room stays there until it ends; outside you will not find it in your runs."))
        st.button(_("Leave the room"), icon=":material/logout:", on_click=members.leave, args=(member,))


# --- who teaches ------------------------------------------------------------------------------------


def _teach_by_link(known: str) -> None:
    """The link of whoever teaches is used up by the browser that opens it: the token leaves the address at once."""
    token = st.query_params.pop(TEACH, "")
    if not token:
        return
    code = codes.read(st.query_params.get(CODE, ""))
    if code and rooms.let_teach(code, known, token):
        return
    _wrong()


def _teach(known: str) -> None:
    with st.expander(_("I teach"), icon=":material/school:"):
        with st.form("teach", border=False):
            token = st.text_input(_("Token"), type="password", max_chars=200, autocomplete="off")
            code = st.text_input(
                _("Code of the room"),
                max_chars=20,
                help=_("Of one that is open. Without a code a new room is started."),
            )
            name = st.text_input(_("What a new room is called"), max_chars=rooms.LONGEST_NAME)
            hours = st.number_input(_("Hours that a new room is open"), 0.5, float(rooms.MOST_HOURS), rooms.HOURS, 0.5)
            asked = st.form_submit_button(_("Open"), icon=":material/key:")
        st.caption(
            _("`headstart room` prints the token of its room. On a host it is what HEADSTART_INSTRUCTOR_TOKEN says.")
        )
    if not asked:
        return
    with errors.calm(_("The room could not be opened.")):
        if code.strip():
            right = rooms.let_teach(rooms.find(code).code, known, token)
        elif right := codes.may_start(token):
            room, _token = rooms.open_room(name, hours, token, _own_address())
            rooms.let_teach(room.code, known, token)
        if right:
            st.rerun()
        _wrong()


def _own_address() -> str:
    """Where this page was opened, which is where others find it too, unless that is this machine's own name for
    itself."""
    return str(st.context.url or "").rpartition("/")[0]


def _wrong() -> None:
    operation.count("token")
    time.sleep(WAIT_SECONDS)
    st.warning(_("This is not the token of that room, or of this host."), icon=":material/error:")
