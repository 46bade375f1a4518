"""Who this browser is to a public host: see `engines.hosting.visitors`."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engines.contract import InputError, Job, Problem
from engines.hosting import limits, visitors
from engines.jobs import starting
from engines.jobs.backends import backend
from engines.messages import _
from engines.rooms import members
from ui.hosting import login


def myself() -> str:
    """The visitor; empty where Headstart is nobody's but its user's, for a browser that keeps no cookie, and for
    somebody who has not logged in where that is asked."""
    if not limits.public():
        return ""
    if login.offered():
        return login.account()
    cookies = st.context.cookies
    return visitors.visitor_of(cookies.get(visitors.COOKIE, None)) or ""


def me() -> str:
    """To whom what is brought and made here belongs: in a room who the visitor is there (`engines.rooms.members`),
    elsewhere the visitor."""
    known = myself()
    in_room = members.of_visitor(known)
    return in_room[1].owner if in_room else known


def require() -> str:
    """The visitor, to whom what they bring and make belongs. Raises InputError where a public host knows none."""
    known = me()
    if limits.public() and not known:
        if login.offered():
            raise InputError(Problem("visitor", _("you are not logged in"), _("log in at the top of the page")))
        raise InputError(visitors.unknown())
    return known


def submit(job: Job) -> str:
    """Queues a job as this visitor's; the id of its run. Raises InputError as `require` and `JobBackend.submit` do."""
    return backend().submit(replace(job, owner=require(), recipe=starting.kept(job.recipe)))
