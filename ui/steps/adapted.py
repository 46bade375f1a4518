"""Of a result: the model before and after it was adapted to a new domain without labels, side by side."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import Metric, Result, TaskInfo, Verdict
from engines.messages import _
from engines.reporting import adapting, wording
from ui.page import frame, words
from ui.widgets import plots

NUMBER = 148  # pixels, as the result's own
MARKS: dict[str, tuple[words.Colour, str]] = {
    "better": ("green", ":material/trending_up:"),
    "worse": ("red", ":material/trending_down:"),
    "close": ("gray", ":material/drag_handle:"),
    "unclear": ("yellow", ":material/help:"),
}


def show(info: TaskInfo, result: Result) -> None:
    """Nothing where the run had no target."""
    found: dict[str, Any] | None = result.details.get("adaptation")
    if found is None:
        return
    with frame.card(_("In the new domain, without labels"), help=found["does"] or None):
        if found["truth"]:
            _judged(info, found)
        else:
            _guessed(found)
        st.markdown(f":blue-badge[{found['title']}] {words.plain(found['why'])}")
        if found["experimental"]:
            st.caption(_(":material/science: Experimental. {record}", record=found["record"]))
        elif found["record"]:
            st.caption(found["record"])
        left, right = st.columns([3, 2])
        with left:
            _answers(info, found)
        with right:
            _changed(found)
        for line in adapting.guess(found):
            st.caption(words.plain(line))
        of = _("before it was adapted") if found["method"] != "none" else _("that is kept")
        st.caption(
            _("The numbers above this card are about {unit} with labels, by the model {of}.", unit=info.unit, of=of)
        )


def _judged(info: TaskInfo, found: dict[str, Any]) -> None:
    """By the labels that were set aside."""
    truth = found["truth"]
    verdict = Verdict.read(truth["verdict"])
    said, numbers = st.columns([5, 4], vertical_alignment="center", gap="small")
    with said, st.container(gap="xsmall"):
        n = words.count(truth["before"]["n"], info.unit)
        if found["method"] != "none":
            colour, icon = MARKS[verdict.side]
            st.badge(wording.badge(verdict), icon=icon, color=colour)
            sentence, line = words.verdict(verdict, info.metric)
            st.markdown(f"#### {sentence}")
            st.caption(line)
        st.caption(_("By the labels of {n} there, which no method has read. One seed: about these two models.", n=n))
    with numbers, st.container(horizontal=True):
        _number(info.metric, ":blue[■] Before", truth["before"])
        if found["method"] != "none":
            _number(info.metric, ":orange[■] Adapted", truth["after"])


def _number(metric: Metric, label: str, of: dict[str, Any]) -> None:
    with st.container(width=NUMBER, gap=None):
        st.metric(label, words.metric(metric, of["value"]), help=f"{metric.title}: {metric.help}")
        between = words.interval(metric, of["low"], of["high"])
        st.caption(
            _(
                "{title}, {direction} · {between} (95 % interval)",
                title=metric.title,
                direction=wording.direction(metric),
                between=between,
            )
        )


def _guessed(found: dict[str, Any]) -> None:
    """Without labels there is an estimate at best, and it is called one."""
    known = {"before": _(":blue[■] Before, estimate"), "after": _(":orange[■] Adapted, estimate")}
    with st.container(horizontal=True):
        for name, label in known.items():
            value = found["estimate"][name]
            if value is not None and (name == "before" or found["method"] != "none"):
                st.metric(
                    label, wording.value("accuracy", value), help=_("Share of right answers, guessed without labels.")
                )
    st.markdown(_("Nothing there is labelled, so how good either is cannot be known: label a few dozen to find out."))


def _answers(info: TaskInfo, found: dict[str, Any]) -> None:
    """How often each class is answered, before and after; of what writes, how much of it was believed."""
    if not found["answers"]:
        if found["method"] != "none":
            st.markdown(
                _(
                    "**{kept:,} of {n:,} {unit}** were learnt from: those whose words it was surest of.",
                    kept=found["kept"],
                    n=found["n"],
                    unit=info.unit,
                )
            )
        return
    rows = [
        {"class": name, "before": counts["before"], "adapted": counts["after"]}
        for name, counts in found["answers"].items()
    ]
    st.markdown(_("**How often each class is answered, of {n:,} {unit}**", n=found["n"], unit=info.unit))
    plots.rows(rows)


def _changed(found: dict[str, Any]) -> None:
    st.markdown(_("**{changed:,} of {n:,} answers changed**", changed=found["changed"], n=found["n"]))
    if found["examples"]:
        plots.rows(
            [{_("where"): e["file"], _("before"): e["before"], _("adapted"): e["after"]} for e in found["examples"]]
        )
