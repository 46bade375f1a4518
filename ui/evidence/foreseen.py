"""What was forecast of runs before they trained, beside what came: the result, and the cost."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines.evidence import graded
from engines.messages import _
from engines.runs import RunFolder
from ui.page import frame, words
from ui.widgets import plots


def forecasts(runs: Sequence[RunFolder]) -> None:
    """Forecast and outcome of each run that has both, and how well the one orders the other."""
    with frame.card(_("Could it have been known?"), key="graded"):
        summary = graded.summary(runs)
        if not summary["n"]:
            st.caption(_("None of these runs was forecast. “Which model fits my data?” on the Model step does it."))
            return
        titles = {run.id: run.recipe.title or run.recipe.model for run in runs}
        plots.rows([_graded_row(titles[pair["run"]], pair) for pair in summary["pairs"]])
        within, off = f"{100 * summary['within']:.0f}", f"{100 * summary['error']:.1f}"
        st.caption(_("{within} % came within what was forecast; {off} points off on average.", within=within, off=off))
        st.markdown(_orders(_("The accuracy forecast"), summary["accuracy"], summary["n"]))
        n_gains = sum(pair["gain"] is not None and pair["measured_gain"] is not None for pair in summary["pairs"])
        if n_gains:
            st.markdown(_orders(_("The gain forecast"), summary["gain"], n_gains))


def _graded_row(title: str, pair: dict[str, Any]) -> dict[str, object]:
    gain, measured = pair["gain"], pair["measured_gain"]
    return {
        "run": title,
        "expected": f"{100 * pair['expected']:.1f} ± {100 * pair['expected_error']:.1f} %",
        "came": f"{100 * pair['value']:.1f} %",
        "gain expected": "–" if gain is None else words.difference("accuracy", gain),
        "gain measured": "–" if measured is None else words.difference("accuracy", measured),
    }


def _orders(what: str, found: dict[str, Any] | None, n: int) -> str:
    if found is None:
        return _(
            "{what} is not graded yet: {n} of the {fewest} pairs that it takes.", what=what, n=n, fewest=graded.FEWEST
        )
    between = _("{low:.2f} to {high:.2f}", low=found["low"], high=found["high"])
    weak = _(" This may be chance.") if found["low"] <= 0 <= found["high"] else ""
    return _(
        "{what} orders what came with a rank correlation of **{value:.2f}** (95 % interval "
        "{between}, {n} pairs).{weak}",
        what=what,
        value=found["value"],
        between=between,
        n=found["n"],
        weak=weak,
    )


def costs(runs: Sequence[RunFolder]) -> None:
    """The time that was said before each run, and the time that it took."""
    with frame.card(_("What it was said to cost, and took"), key="costs"):
        told = [(run.recipe, cost) for run in runs if (cost := _counted(run)).get("said")]
        if not told:
            st.caption(_("None of these runs was told what it would cost before it began."))
            return
        off = [cost["took"] / cost["said"] - 1 for _, cost in told]
        plots.rows(
            [
                {
                    _("run"): recipe.title or recipe.model,
                    _("said"): words.duration(cost["said"]),
                    _("took"): words.duration(cost["took"]),
                    _("off"): words.signed(100 * share, ".0f") + " %",
                }
                for (recipe, cost), share in zip(told, off, strict=True)
            ]
        )
        st.caption(_("The median run was off by {median:.0f} %.", median=100 * statistics.median(map(abs, off))))


def _counted(run: RunFolder) -> dict[str, Any]:
    result = run.result
    return (result.details.get("cost") if result else None) or {}
