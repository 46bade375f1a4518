"""What stands around every page: its title in the browser, and the navigation."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.pages_manager import PagesManager

from engines.hosting import limits, operation
from engines.messages import _
from engines.rooms import rooms
from ui.page import domains, language

READABLE = Path(__file__).with_name("readable.css")
SHOWN = "shown_page"
"""Where the session keeps which page of the navigation is shown, by its name in the address."""


def navigation() -> Page:
    """Sets up the page and shows the navigation; returns the page that was asked for.

    The pages have no icons here: Streamlit makes each the browser's icon for a moment, which is fetched from a host of
    fonts, and Headstart calls nobody.
    """
    language.choose()
    pages = [
        st.Page("pages/home.py", title=_("Headstart"), default=True),
        st.Page("pages/story.py", title=_("What is it?"), url_path="story"),
        *map(domains.page, domains.domains()),
        st.Page("pages/showing.py", title=_("By showing"), url_path="showing"),
        st.Page("pages/my_data.py", title=_("My data"), url_path="my_data"),
        st.Page("pages/explore.py", title=_("Look through"), url_path="explore"),
        st.Page("pages/kinds.py", title=_("Kinds of transfer"), url_path="kinds"),
        st.Page("pages/runs.py", title=_("Runs"), url_path="runs"),
        st.Page("pages/evidence.py", title=_("Evidence"), url_path="evidence"),
        st.Page("pages/privacy.py", title=_("Privacy"), url_path="privacy"),
        st.Page("pages/glossary.py", title=_("Words"), url_path="glossary"),
    ]
    to_all = limits.public() and rooms.every()  # a room that nobody has opened takes no place; its page is there
    pages.append(
        st.Page("pages/room.py", title=_("Room"), url_path="room", visibility="visible" if to_all else "hidden")
    )
    if operation.token():  # by its file's name: `around` finds the first visitor's page by that
        pages.append(st.Page("pages/operating.py", title=_("Operator"), url_path="operating", visibility="hidden"))
    shown = st.navigation(pages, position="top")
    title = "Headstart" if shown.title == "Headstart" else f"{shown.title} · Headstart"
    st.set_page_config(page_title=title, page_icon=str(Path(__file__).parents[1] / "icon.svg"), layout="wide")
    st.html(READABLE)
    with st.container(key="phone_navigation"):  # hidden on a desk: readable.css
        st.html(_links(pages, shown))
    st.session_state[SHOWN] = shown.url_path
    return shown


def _links(pages: list[Page], shown: Page) -> str:
    """A phone's navigation, as one element: eight of Streamlit's own cost a tenth of opening a page."""
    here = {page: ' aria-current="page"' if page is shown else "" for page in pages}
    links = [f'<a href="{page.url_path or "./"}" target="_self"{here[page]}>{escape(page.title)}</a>' for page in pages]
    links = [link for link, page in zip(links, pages, strict=True) if page.visibility == "visible"]
    return f'<nav aria-label="Pages">{"".join(links)}</nav>'


def around() -> None:
    """Make sure that the navigation stands around a page; the page calls it before it draws anything.

    Streamlit takes a folder called `pages` for its older kind of navigation until `st.navigation` was called once: the
    first visitor after a start whose link leads straight to a page would get that page without app.py around it.
    """
    language.choose()
    if PagesManager.uses_pages_directory:
        navigation().run()
        st.stop()
