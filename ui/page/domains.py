"""The domains' pages, as the domains themselves say it."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import Page

from engines import paths, registry
from engines.contract import DomainInfo


def domains() -> dict[str, DomainInfo]:
    """Every domain that has a task, by its name in the address, in the registry's order."""
    return registry.domains()


def page(domain: str) -> Page:
    """The page of a domain: its file below pages/; where it has none, the one on which every task walks its steps."""
    info = registry.domains()[domain]
    own = f"pages/{domain}.py"
    file = own if (paths.PROJECT / own).is_file() else "pages/domain.py"
    return st.Page(file, title=info.title, url_path=domain)


def further(name: str) -> Page | None:
    """A page besides the domains', by its name in the address; None where there is none of that name."""
    file = f"pages/{name}.py"
    return st.Page(file, url_path=name) if (paths.PROJECT / file).is_file() else None


def page_of(task: str) -> Page | None:
    """The page of a task's domain; None where it has none."""
    domain = task.split(".")[0]
    return page(domain) if domain in registry.domains() else None
