"""Logging in with an account from elsewhere (OpenID Connect, through Streamlit's own `st.login`), where that is asked.

It is asked where .streamlit/secrets.toml has a section [auth]: docs/hosting.md. Then a visitor is their account.
"""

from __future__ import annotations

import streamlit as st

from engines.hosting import limits, visitors
from engines.messages import _


def offered() -> bool:
    """Whether visitors of this host log in."""
    return limits.public() and st.secrets.load_if_toml_exists() and "auth" in st.secrets


def account() -> str:
    """The visitor that is logged in in this session; empty where nobody is."""
    if not st.user.is_logged_in:
        return ""
    issuer, subject = st.user.get("iss"), st.user.get("sub")
    return visitors.account(str(issuer), str(subject)) if issuer and subject else ""


def show() -> None:
    """A line above a page: who is logged in and the way out, or the way in. Nothing where nobody has to."""
    if not offered():
        return
    known = account()
    cookie = visitors.visitor_of(st.context.cookies.get(visitors.COOKIE, None))
    if cookie:
        visitors.remember_account(cookie, known)
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="login"):
        if known:
            st.caption(_("Logged in as {name}", name=_name()), width="content")
            st.button(_("Log out"), icon=":material/logout:", type="tertiary", on_click=st.logout)
        else:
            st.caption(_("Look around freely; to bring data and train, log in."), width="content")
            st.button(_("Log in"), icon=":material/login:", type="tertiary", on_click=st.login)


def _name() -> str:
    """What the account calls its person: for them alone, and kept nowhere."""
    told = str(st.user.get("name") or st.user.get("email") or _("somebody"))
    return "".join(letter for letter in told if letter.isprintable() and letter not in r"\`*_{}[]()<>#$|:~!&")[:60]
