"""The question how many blocks should learn, asked of a finished run of a classifier, with what it costs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engines.contract import Job, Strategy
from engines.cost.work import Sizes
from engines.messages import _, _n
from ui.comparisons import sweep
from ui.page import again, errors, recorded, words
from ui.page.draft import card
from ui.steps import plan

FEWEST = 10
"""Held-out examples, as `classification.sweep` has it."""


def offer(found: recorded.Finished) -> None:
    """A button with its time; nothing where there is nothing to try, or too little to tell it by."""
    result, recipe = found.result, found.recipe
    held_out = result.n_validation or round(0.2 * result.n_test * bool(result.details.get("folds")))
    if not result.details.get("classes") or not recorded.is_own(found.run) or held_out < FEWEST:
        return
    if Strategy(result.strategy) in {Strategy.SCRATCH, Strategy.ZERO_SHOT} or not Path(recipe.data).exists():
        return
    with errors.calm(_("How many blocks should learn cannot be asked of this run.")):
        numbers = sweep.numbers(card(recipe.task, recipe.model))
        with st.container(horizontal=True, vertical_alignment="center", key="sweep_offer"):
            pressed = st.button(
                _("How many blocks should learn?"),
                icon=":material/layers:",
                help=_(
                    "The same fine-tuning with none, some and all blocks learning, on the examples held out to "
                    "choose by: at which depth learning helps, and at which it hurts."
                ),
            )
            trainings = _n("{n:,} training", "{n:,} trainings", sweep.SEEDS * (len(numbers) + 1))
            tried = ", ".join(map(str, [0, *numbers]))
            st.caption(
                _(
                    "{trainings}: {tried} blocks, {seeds} seeds each{time}.",
                    trainings=trainings,
                    tried=tried,
                    seeds=sweep.SEEDS,
                    time=_time(found, numbers),
                )
            )
        if pressed:
            arguments = {"seeds": sweep.SEEDS, "blocks": numbers}
            job = Job(recipe.again(recipe.settings, Strategy.PARTIAL), "sweep", arguments)
            again.submit(job, _("The sweep could not be started."))


def _time(found: recorded.Finished, numbers: list[int]) -> str:
    """', about 12 min', from what this machine is known to take; '' where nothing is known."""
    result, recipe = found.result, found.recipe
    usual = {name: value for name, value in recipe.settings.items() if name not in {"epochs", "depth", "baseline"}}
    sizes = Sizes(result.n_train, result.n_validation)
    total = 0.0
    for blocks in (0, *numbers):
        strategy = Strategy.PARTIAL if blocks else Strategy.FEATURES
        settings = usual | ({"blocks": blocks} if blocks else {})
        one = plan.known(recipe.task, recipe.model, strategy, settings, sizes)
        if one is None:
            return ""
        total += sweep.SEEDS * one.phases.get("training", 0.0) + one.phases.get("encoding", 0.0)
    return _(", about {duration}", duration=words.duration(total))
