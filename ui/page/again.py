"""A finished run, trained once more in another way, or compared."""

from __future__ import annotations

import streamlit as st

from engines.contract import Job, Recipe
from engines.messages import _
from ui.page import address, errors, visitor


def train(recipe: Recipe) -> None:
    """Submits it, and shows the page of the new run."""
    submit(Job(recipe))


def submit(job: Job, what: str = _("The run could not be started.")) -> None:
    """Queues a job, and shows the page of its run; says `what` where that does not work."""
    with errors.calm(what):
        run = visitor.submit(job)
        address.put(address.Address(run=run, data=address.read().data))
        st.rerun(scope="app")
