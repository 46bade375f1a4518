"""From one seed to a word on the way of training: the same trained with further seeds, this run being the first."""

from __future__ import annotations

import streamlit as st

from engines.contract import Job, Strategy
from ui.comparisons.found import SEEDS
from ui.page import again, recorded, words


def offer(found: recorded.Finished) -> None:
    """A button beside the verdict of a run that was trained with one seed; nothing where there is none to make sure."""
    result, known = found.result, found.result.verdict
    untrained = {Strategy.SCRATCH, Strategy.ZERO_SHOT}
    if known is None or known.scope != "networks" or result.comparison == "running":
        return
    if Strategy(result.strategy) in untrained or recorded.is_recorded(found.run):
        return
    kept = bool(found.run.trials_done)  # runs of before 0.3 left nothing to begin with
    missing = SEEDS - kept
    most = words.duration(missing * result.seconds)
    with st.container(horizontal=True, vertical_alignment="center", key="make_sure"):
        pressed = st.button(
            "Make sure",
            icon=":material/balance:",
            help="With several seeds it can be said whether this way of training pays, not only that two networks "
            f"differ. {'This run counts as the first seed. ' * kept}Each further seed trains both sides.",
        )
        st.caption(
            f"It trains both {missing} times{' more' * kept}, about {most} at most. It looks after each seed, and ends "
            "as soon as it is decided."
        )
    if pressed:
        arguments = {"budgets": [], "seeds": SEEDS, "first": found.run.id}
        job = Job(found.recipe.again(found.recipe.settings), "compare", arguments)
        again.submit(job, "The comparison could not be started.")
