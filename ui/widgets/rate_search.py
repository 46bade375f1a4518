"""The learning-rate test of a run: how the loss fell while the steps grew, and which step size was chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from engines.messages import _, told
from ui.widgets import plots

NAMES = {"scratch": _("from scratch"), "head": _("of the head"), "fine-tuning": _("of fine-tuning")}


def show(searches: list[dict[str, Any]]) -> None:
    """One figure a test, folded away. Nothing where none was made."""
    if not searches:
        return
    with st.expander(_("How the learning rate was found"), icon=":material/search:"):
        for search in searches:
            rates, losses = zip(*search["points"], strict=True)
            chosen, name = search["learning_rate"], told(NAMES).get(search["phase"], search["phase"])
            st.caption(
                _(
                    "Learning rate {name}: **{chosen:g}**. The step size was raised from tiny to large; "
                    "the middle of the stretch where the loss falls is a good one.",
                    name=name,
                    chosen=chosen,
                )
            )
            plots.show(
                figure(list(rates), list(losses), chosen),
                f"search_{search['phase']}",
                alt=_(
                    "Loss against learning rate, {rates:g} to {rates2:g}; chosen: {chosen:g}.",
                    rates=rates[0],
                    rates2=rates[-1],
                    chosen=chosen,
                ),
                table=partial(numbers, search),
            )


def numbers(search: dict[str, Any]) -> plots.Rows:
    return [{"learning rate": rate, "loss": loss} for rate, loss in search["points"]]


def figure(rates: list[float], losses: list[float], chosen: float) -> plots.Figure:
    axis = {"type": "log", "tickformat": ".0e"}
    made = plots.layout(220, "learning rate", _("loss, smoothed"), xaxis=axis)
    made["shapes"] = [
        {
            "type": "line",
            "x0": chosen,
            "x1": chosen,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": plots.SCRATCH, "dash": "dot", "width": 1},
        }
    ]
    return {"data": [plots.line("loss", rates, list(losses), plots.TRAINED)], "layout": made}
