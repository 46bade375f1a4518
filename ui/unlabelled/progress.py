"""How well what was labelled so far can be told apart, as it grows."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engines import paths
from engines.messages import _, _n
from ui.page import words
from ui.unlabelled.desk import Desk
from ui.widgets import plots
from ui.widgets.return_curve import band

PALE = "rgba(232,113,10,.16)"
PALE_GREY = "rgba(154,163,174,.25)"
METRIC = "balanced_accuracy"


def recorded(desk: Desk) -> dict[str, Any] | None:
    """What labelling this sample gave before, at random and by 'label these first'; None of anything but a sample."""
    return _recordings().get(f"{desk.task} {desk.sample}") if desk.sample else None


@functools.cache
def _recordings() -> dict[str, Any]:
    """Written by benchmarks/label_first.py."""
    file: Path = paths.PROJECT / "engines/unlabelled/recorded.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def show(desk: Desk, curve: Sequence[dict[str, Any]]) -> None:
    """The last accuracy in words, and the curve up to it."""
    if not curve:
        st.caption(_("How well the classes can be told apart is said from two labels on."))
        return
    _said(curve[-1])
    beside = recorded(desk)
    which = "rest" if beside and any(point["rest"] for point in curve) else "left_out"
    own = [(point["labels"], point[which]) for point in curve if point[which]]
    if not own:
        return
    x = [labels for labels, _ in own]
    yours = plots.line(_("yours"), x, [value["value"] for _, value in own], plots.TRAINED)
    bands = [band(x, [value["low"] for _, value in own], [value["high"] for _, value in own], PALE)]
    curves, last = [yours], max(x)
    alt = _("Balanced accuracy after {x} labels: {value:.2f}.", x=x[-1], value=own[-1][1]["value"])
    if which == "rest" and beside:
        last = max(last, 20)
        shown = [i for i, labels in enumerate(beside["labels"]) if labels <= last]
        at = [beside["labels"][i] for i in shown]
        bands.insert(0, band(at, [beside["low"][i] for i in shown], [beside["high"][i] for i in shown], PALE_GREY))
        curves.insert(0, plots.line(_("at random"), at, [beside["random"][i] for i in shown], plots.SCRATCH, "dot"))
        alt += _(" At random, recorded: {random:.2f} after {at}.", random=beside["random"][shown[-1]], at=at[-1])
    figure = plots.lines(curves, x=_("labels given"), y=_("balanced accuracy"), last_x=last, share=True)
    figure["data"] = [*bands, *figure["data"]]
    low = min(v for trace in figure["data"] for v in trace["y"] if v is not None)
    figure["layout"]["yaxis"]["range"] = [max(0.0, low - 0.05), 1.02]
    figure["layout"].pop("annotations", None)
    figure["layout"]["annotations"] = plots.end_labels(curves, max(0.0, low - 0.05), 1.02, 250)
    plots.show(figure, "labelling_curve", alt=alt, table=lambda: _rows(curve, beside))
    if which == "rest" and beside:
        st.caption(
            _(
                "On all that you have not labelled, by the labels that came with the sample; nothing "
                "else reads these. Grey: this sample labelled at random, recorded: the mean of "
                "{draws} draws, and where 95 % of them lie.",
                draws=beside["draws"],
            )
        )
    else:
        st.caption(
            _("Each of your labels against what a head says that learnt from the others, with its 95 % interval.")
        )


def _said(point: dict[str, Any]) -> None:
    found = point["left_out"]
    if not found:
        st.markdown(_("With two examples in each of two classes you see how well they can be told apart."))
        return
    value = words.metric(METRIC, found["value"])
    span = words.interval(METRIC, found["low"], found["high"])
    st.markdown(
        _(
            "**{value}** named correctly ({span}, {labels}): each by a head on frozen features "
            "that learnt from the others. Examples that are picked to differ are harder than the "
            "rest.",
            value=value,
            span=span,
            labels=_n("{n:,} label", "{n:,} labels", found["n"]),
        )
    )


def _rows(curve: Sequence[dict[str, Any]], beside: dict[str, Any] | None) -> plots.Rows:
    rows = []
    for point in curve:
        row: dict[str, Any] = {"labels": point["labels"]}
        for name, title in (("left_out", _("each by the others")), ("rest", _("on the rest"))):
            value = point[name]
            row[title] = (
                _("{value:.3f} ({low:.3f} to {high:.3f})", value=value["value"], low=value["low"], high=value["high"])
                if value
                else ""
            )
        if beside and point["labels"] in beside["labels"]:
            row["at random, recorded"] = f"{beside['random'][beside['labels'].index(point['labels'])]:.3f}"
        rows.append(row)
    return rows
