"""A baseline that had not stopped improving, trained on from where it stopped."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engines.jobs.backends import backend
from engines.messages import _, _n
from engines.runs import BASELINE
from ui.page import address, errors, recorded, words


def offer(found: recorded.Finished) -> None:
    """A button below what training from scratch was given; nothing where it had stopped improving, cannot go on, or
    goes on already."""
    result, run = found.result, found.run
    if result.comparison != "done" or not result.baseline_may_improve or not recorded.is_own(run):
        return
    if not (run.path / BASELINE).is_dir() or not Path(found.recipe.data).exists():
        return
    known = result.baseline_details["scratch"]
    with st.container(horizontal=True, vertical_alignment="center", key="longer"):
        pressed = st.button(
            _("Train the baseline longer"),
            icon=":material/more_time:",
            help=_("It goes on from where it stopped, and the verdict is told anew. Your model stays as it is."),
        )
        time = _(", about {duration}", duration=words.duration(known["seconds"])) if known.get("seconds") else ""
        st.caption(
            _(
                "As many passes again ({passes} in all){time}.",
                passes=_n("{n:,} pass", "{n:,} passes", 2 * known["epochs"]),
                time=time,
            )
        )
    if pressed:
        from engines import api

        with errors.calm(_("The baseline could not be trained on.")):
            backend().submit(api.longer_job(run), resume=run.id)
            address.change(step="result")
            st.rerun(scope="app")
