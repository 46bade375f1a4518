"""From one seed to a word on the way of training: the same trained with further seeds, this run being the first."""

from __future__ import annotations

import streamlit as st

from engines.contract import Job, Strategy
from engines.messages import _
from ui.comparisons.found import SEEDS
from ui.page import again, recorded, words


def offer(found: recorded.Finished) -> None:
    """A button beside the verdict of a run that was trained with one seed; nothing where there is none to make sure."""
    result, known = found.result, found.result.verdict
    untrained = {Strategy.SCRATCH, Strategy.ZERO_SHOT}
    if known is None or known.scope != "networks" or result.comparison == "running":
        return
    if Strategy(result.strategy) in untrained or not recorded.is_own(found.run):
        return
    kept = bool(found.run.trials_done)  # runs of before 0.3 left nothing to begin with
    missing = SEEDS - kept
    most = words.duration(missing * result.seconds)
    with st.container(horizontal=True, vertical_alignment="center", key="make_sure"):
        pressed = st.button(
            _("Make sure"),
            icon=":material/balance:",
            help=_(
                "With several seeds it can be said whether this way of training pays, not only that "
                "two networks differ. {this_run_counts}Each further seed trains both sides.",
                this_run_counts=_("This run counts as the first seed. ") * kept,
            ),
        )
        st.caption(
            _(
                "It trains both {missing} times{more}, about {most} at most. It looks after each "
                "seed, and ends as soon as it is decided.",
                missing=missing,
                more=_(" more") * kept,
                most=most,
            )
        )
    if pressed:
        arguments = {"budgets": [], "seeds": SEEDS, "first": found.run.id}
        job = Job(found.recipe.again(found.recipe.settings), "compare", arguments)
        again.submit(job, _("The comparison could not be started."))
