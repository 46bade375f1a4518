"""How well it tells the classes apart, from the examples themselves, as they come."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import messages
from engines.contract import BALANCED_ACCURACY
from engines.messages import _, _n
from ui.page import words
from ui.widgets import plots
from ui.widgets.return_curve import band

METHODS = {
    "prototypes": _(
        "Each class is the average of its examples, as a pretrained network sees them (a prototype): "
        "nothing is trained. From 10 of each class on, a logistic regression takes over."
    ),
    "logistic regression": _(
        "A logistic regression on what a pretrained network sees; below 10 of a class it would be averages."
    ),
}
LEFT_OUT = {
    "prototypes": _("each left out once"),
    "logistic regression": _("each by one that learnt from nine tenths of the others"),
}


def show(told: dict[str, Any] | None, kind: str) -> None:
    """`told`: see `asking.of`."""
    if told is None:
        return
    for row in told["unusable"][:5]:
        st.caption(f":material/block: {words.plain(row['file'])} {words.plain(row['error'])}")
    if told["repeated"]:
        n = told["repeated"]
        st.caption(
            _(
                ":material/content_copy: {examples} came again: the same {kind} count once.",
                examples=_n("{n:,} example", "{n:,} examples", n),
                kind=kind,
            )
        )
    if told["method"] is None:
        st.caption(_("Show {kind} of two classes, and it begins to answer.", kind=kind))
        return
    found = told["left_out"]
    if found is None:
        st.caption(_("Of one class there is a single example: from two of each on, it can be said how well it does."))
    else:
        metric = BALANCED_ACCURACY
        interval = words.interval(metric, found["low"], found["high"])
        st.markdown(
            _(
                "**{metric}** right ({interval}), of {n:,} {kind}, {left_out}",
                metric=words.metric(metric, found["value"]),
                interval=interval,
                n=found["n"],
                kind=kind,
                left_out=messages.told(LEFT_OUT)[told["method"]],
            )
        )
        st.caption(
            _(
                "{methods} {kind} of one burst are much alike: of others, taken another day, expect fewer to be right.",
                methods=messages.told(METHODS)[told["method"]],
                kind=kind.capitalize(),
            )
        )
    if len(told["curve"]) > 1:
        _curve(told["curve"], kind)


def _curve(rows: list[dict[str, Any]], kind: str) -> None:
    at = [row["k"] for row in rows]
    line = plots.line("averages", at, [row["value"] for row in rows], plots.TRAINED)
    figure = {
        "data": [band(at, [r["low"] for r in rows], [r["high"] for r in rows], "rgba(232,113,10,.18)"), line],
        "layout": plots.layout(
            220,
            _("{kind} of each class", kind=kind),
            _("share right"),
            xaxis={"tickvals": at},
            yaxis={"range": [0, 1.02], "tickformat": ".0%"},
        ),
    }
    plots.show(
        figure,
        "showing_curve",
        alt=_("Share right, by averages: ")
        + "; ".join(_("{k} of each: {value:.0f} %", k=r["k"], value=100 * r["value"]) for r in rows),
        table=lambda: [
            {
                _("of each class"): row["k"],
                _("share right"): words.metric(BALANCED_ACCURACY, row["value"]),
                _("95 % interval"): words.interval(BALANCED_ACCURACY, row["low"], row["high"]),
                _("n"): row["n"],
            }
            for row in rows
        ],
    )
