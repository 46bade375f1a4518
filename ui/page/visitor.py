"""Who this browser is to a public host: see `engines.hosting.visitors`."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engines.contract import Job
from engines.hosting import limits, visitors
from engines.jobs.backends import backend


def me() -> str:
    """The visitor; empty where Headstart is nobody's but its user's, and for a browser that keeps no cookie."""
    if not limits.public():
        return ""
    cookies = st.context.cookies
    return visitors.visitor_of(cookies.get(visitors.COOKIE, None)) or ""


def submit(job: Job) -> str:
    """Queues a job as this visitor's; the id of its run. Raises InputError as `JobBackend.submit` does."""
    return backend().submit(replace(job, owner=me()))
