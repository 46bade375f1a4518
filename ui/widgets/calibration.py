"""Whether a model's percentages can be believed: its calibration error, and the reliability diagram behind it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import TaskInfo
from engines.messages import _, told
from ui.page import recorded, words
from ui.widgets import class_plots, plots

HELP = _(
    "Expected calibration error (Guo et al. 2017): answers are sorted into ten groups by confidence; "
    "in each, the mean confidence is compared with the share that was right. This is the mean gap, "
    "each group weighed by its size."
)


def show(info: TaskInfo, found: recorded.Finished) -> None:
    """Behind an expander, drawn when it is opened. Runs as a fragment."""
    box = st.expander(
        _("Can its percentages be believed?"), key="calibration", icon=":material/percent:", on_change="rerun"
    )
    if not box.open:
        return
    with box:
        measured = found.result.details["calibration"]
        before, after = measured["before"], measured["after"]
        now = after or before
        text, plot = st.columns([2, 3], vertical_alignment="center")
        with text:
            st.metric(_("Calibration error"), words.metric("accuracy", now["ece"]), help=told(HELP))
            st.caption(_("{interval}, 95 % interval", interval=words.interval("accuracy", now["low"], now["high"])))
            st.markdown(_judgement(now, words.count(found.result.n_test, _("test ") + info.unit)))
            st.caption(_scaling(measured, info, bool(found.result.details.get("folds"))))
        with plot:
            alt = "; ".join(
                _(
                    "{confidence:.0f} % sure, {correct:.0f} % right ({n})",
                    confidence=100 * b["confidence"],
                    correct=100 * b["correct"],
                    n=b["n"],
                )
                for b in now["bins"]
            )
            figure = class_plots.reliability(now["bins"], before["bins"] if after else None, unit=info.unit)
            plots.show(figure, "reliability", alt=alt, table=lambda: _rows(now["bins"]))
            earlier = _(" · :gray[◇] before scaling") if after else ""
            st.caption(
                _(
                    ":orange[●] now, with 95 % interval{earlier} · dotted: all true · bars: {unit}",
                    earlier=earlier,
                    unit=info.unit,
                )
            )


def _judgement(now: dict[str, Any], tests: str) -> str:
    chance = words.metric("accuracy", now["by_chance"])
    if now["ece"] <= now["by_chance"]:
        return _(
            "**On {tests} this may be chance**: percentages that are all true would still show up to {chance}.",
            tests=tests,
            chance=chance,
        )
    sure = sum(b["n"] * (b["confidence"] - b["correct"]) for b in now["bins"])
    more = _("surer than it is right") if sure > 0 else _("right more often than it says")
    return _("**It is {more}.** On {tests} chance explains up to {chance}.", more=more, tests=tests, chance=chance)


def _scaling(measured: dict[str, Any], info: TaskInfo, folds: bool) -> str:
    before, after, t = measured["before"], measured["after"], measured["temperature"]
    if not after:
        return _("Nothing was held out, so its percentages are as the network gives them.")
    change = _("surer") if t < 1 else _("less sure")
    test = _("never on the test")
    if folds:
        test = _("and that of each fold's network on what its fold held out, never on what it is tested on")
    return _(
        "Its percentages were made {change} afterwards, by a temperature of {t:.2f} that was "
        "fitted on {count} held out from learning, {test}. The classes that it names stay "
        "the same. Error before: {metric} ({interval}); log loss {log_loss:.3f}, now "
        "{after_log_loss:.3f}.",
        change=change,
        t=t,
        count=words.count(measured["n_validation"], info.unit),
        test=test,
        metric=words.metric("accuracy", before["ece"]),
        interval=words.interval("accuracy", before["low"], before["high"]),
        log_loss=before["log_loss"],
        after_log_loss=after["log_loss"],
    )


def _rows(bins: list[dict[str, Any]]) -> plots.Rows:
    return [
        {
            "said": f"{100 * b['from']:.0f} – {100 * b['to']:.0f} %",
            "test examples": b["n"],
            "mean confidence": words.metric("accuracy", b["confidence"]),
            "right": words.metric("accuracy", b["correct"]),
            "95 % interval": words.interval("accuracy", b["low"], b["high"]),
        }
        for b in bins
    ]
