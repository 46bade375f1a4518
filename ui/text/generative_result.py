"""What the results of the two tasks whose model writes share: test examples with answers from before and after."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import TaskInfo
from engines.messages import _, told
from ui.page import frame, recorded, words
from ui.widgets import beside, text_cards

NAMES = {
    "zero_shot": _("the model as it came"),
    "scratch": _("the same network from scratch"),
    "uniform": _("guessing every token alike"),
    "copy": _("handing back the source"),
}


def rows(found: recorded.Finished) -> list[dict[str, Any]]:
    """Every test example: file, question, label, predicted, and base_predicted where the run began with a test."""
    return recorded.rows(found.run.path / "predictions.parquet", found.finished)


def others(info: TaskInfo, found: recorded.Finished, hidden: tuple[str, ...] = ()) -> None:
    """The run's value beside its baselines, each with its interval; `hidden` ones would squeeze the axis."""
    result = found.result
    title = info.metric.title
    with frame.card(_("Beside other ways: {title}", title=title), help=info.metric.help):
        shown = [entry for entry in result.baselines.items() if entry[0] not in hidden]
        beside.show(info, found, shown, told(NAMES), title)
        better = _("Higher is better.") if info.metric.higher_is_better else _("Lower is better.")
        for name in hidden:
            if name in result.baselines:
                better += _(
                    " {names} would be at {metric}.",
                    names=told(NAMES)[name].capitalize(),
                    metric=words.metric(info.metric, result.baselines[name]),
                )
        st.caption(better)


def pair(question: str, texts: list[tuple[str, str]]) -> None:
    """A question, and what different writers made of it: (text, who says it) side by side."""
    text_cards.show([(question, _("the question"))])
    for place, (text, who) in zip(st.columns(len(texts)), texts, strict=True):
        with place:
            text_cards.show([(text or "(nothing)", who)])


def lengths(details: dict[str, Any], question: str, answer: str) -> None:
    """How long the two sides of the examples are, in words."""
    for name, title in (("question", question), ("answer", answer)):
        low, middle, high = details["words"][name]
        st.caption(
            _(
                "{title}: half have up to {middle} words, nine in ten have {low} to {high}.",
                title=title,
                middle=middle,
                low=low,
                high=high,
            )
        )
