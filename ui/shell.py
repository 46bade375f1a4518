"""What stands around every page: its title in the browser, and the navigation."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.pages_manager import PagesManager

from ui.domains import DOMAINS


def navigation() -> Page:
    """Sets up the page and shows the navigation; returns the page that was asked for."""
    st.set_page_config(page_title="Headstart", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
    pages = [
        st.Page("pages/home.py", title="Headstart", icon=":material/moving:", default=True),
        *(st.Page(d.page, title=d.title, icon=d.icon, url_path=d.name) for d in DOMAINS),
        st.Page("pages/runs.py", title="Runs", icon=":material/list:", url_path="runs"),
    ]
    return st.navigation(pages, position="top")


def around() -> None:
    """Make sure that the navigation stands around a page; the page calls it before it draws anything.

    Streamlit takes a folder called `pages` for its older kind of navigation until `st.navigation` was called once: the
    first visitor after a start whose link leads straight to a page would get that page without app.py around it.
    """
    if PagesManager.uses_pages_directory:
        navigation().run()
        st.stop()
