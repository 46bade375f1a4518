"""Translate: the sentence pairs in a table, and the result of a run with its worst and best sentences."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import TaskInfo
from engines.messages import _
from ui.page import frame, recorded, words
from ui.page.draft import Draft
from ui.steps import result as result_step
from ui.text import generative_result
from ui.widgets import text_cards, try_it

SHOWN = 8
A_PAGE = 5
MOST_CHARACTERS = 1000  # of a sentence to try


def found(_unused: Draft, report: dict[str, Any]) -> None:
    """The Data step's own part: a few pairs."""
    left, right = st.columns([3, 2])
    with left, frame.card(_("A few of the pairs")):
        for example in report["gallery"][:SHOWN]:
            text_cards.show([(f"{example['text']}\n{example['label']}", example["name"])])
    with right, frame.card(_("How long they are")):
        generative_result.lengths(report["details"], _("Sentences"), _("Translations"))


def result(found: recorded.Finished) -> None:
    """Everything about a finished run of a translator."""
    info = registry.task(found.recipe.task).info
    result_step.verdict(info, found)
    result_step.try_and_take(info, found, lambda: st.fragment(_try)(found), _("Try a sentence"))
    with frame.card(
        _("Its worst and best sentences"), help=_("Look at the worst first: wrong references show up here too.")
    ):
        st.fragment(_sentences)(info, found)
    left, right = st.columns([3, 2])
    with left:
        generative_result.others(info, found)
    with (
        right,
        frame.card(_("BLEU"), help=_("The share of word sequences that a translation has in common, 0 to 100.")),
    ):
        _bleu(found)
    result_step.advise(found)
    with result_step.further_details():
        result_step.how_it_learnt(info, found)
        result_step.kept_and_trained(found)
        result_step.small_print(info, found)


def _bleu(found: recorded.Finished) -> None:
    now = found.result.metrics.get("bleu")
    if now is None:
        st.caption(_("Not measured in this run."))
        return
    before, apart = found.result.details.get("bleu_before"), found.result.details.get("bleu_difference")
    change = words.signed(apart["value"], ".3g") if apart else None
    st.metric(_("After it learnt"), words.metric("bleu", now.value), change)
    st.caption(_("{interval}, 95 % interval", interval=words.interval("bleu", now.low, now.high)))
    if before:
        low, high = words.interval("bleu", before["low"], before["high"]).split(" – ")
        st.caption(
            _(
                "As it came: {metric} ({low} to {high}).",
                metric=words.metric("bleu", before["value"]),
                low=low,
                high=high,
            )
        )


def _sentences(info: TaskInfo, found: recorded.Finished) -> None:
    rows = sorted(generative_result.rows(found), key=lambda row: row["chrf"])
    which = st.segmented_control(_("Which"), (_("Worst"), _("Best")), default=_("Worst"), required=True, key="which")
    for row in (rows if which == _("Worst") else rows[::-1])[:A_PAGE]:
        texts = [(row["label"], _("the translation in the data"))]
        if "base_predicted" in row:
            texts.append((row["base_predicted"], f"before · {info.metric.title} {row['base_chrf']:.0f}"))
        texts.append((row["predicted"], f"after · {info.metric.title} {row['chrf']:.0f}"))
        st.markdown(f"**{words.plain(row['question'])}**")
        for place, each in zip(st.columns(len(texts)), texts, strict=True):
            with place:
                text_cards.show([(each[0] or "(nothing)", each[1])])


def _try(found: recorded.Finished) -> None:
    def answer(given: dict[str, Any]) -> None:
        text_cards.show(
            [(given["rows"][0]["translation"], _("in {milliseconds:.0f} ms", milliseconds=given["milliseconds"]))]
        )

    try_it.sentence(found, MOST_CHARACTERS, answer, "question")
