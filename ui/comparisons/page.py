"""The page of a comparison: while it goes on how it goes, afterwards what it came to."""

from __future__ import annotations

import streamlit as st

from engines.contract import TaskInfo
from engines.messages import _
from engines.runs import RunFolder
from ui.comparisons import found, live, outcome
from ui.page import words
from ui.steps import watched


def show(info: TaskInfo, run: RunFolder) -> None:
    """In place of both the Train and the Result step."""
    _heading(info, run)
    if known := found.outcome(run):
        outcome.show(info, run, known)
        return
    watched.watch(
        run,
        lambda status: live.show(info, run, status),
        key="live_comparison",
        ended=lambda: found.outcome(run),
        trouble=_("This comparison could not be looked at."),
    )


def _heading(info: TaskInfo, run: RunFolder) -> None:
    recipe, asked = run.recipe, found.asked(run)
    learns = words.strategy(info, recipe.strategy, recipe.settings.get("blocks")).lower()
    if asked.budgets:
        over = _("learning from {budget}", budget=", ".join(f"{budget:,}" for budget in asked.budgets))
    else:
        over = _("learning from all there is, just as one run did")
    title = f" “{words.plain(recipe.title)}”:" if recipe.title else ""
    st.caption(
        _(
            ":material/balance: A comparison.{title} {learns}, {over}, with up to {seeds} seeds.",
            title=title,
            learns=learns,
            over=over,
            seeds=asked.seeds,
        )
    )
