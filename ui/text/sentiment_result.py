"""Step 5 of text classification: the verdict, the other ways to do it, the errors, the map, and a sentence to try."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Metric, Side, TaskInfo, Verdict
from engines.messages import _, told
from engines.reporting import comparisons
from ui.page import frame, recorded, words
from ui.steps import result as result_step
from ui.widgets import beside, calibration, mistakes, plots, try_it

NAMES = {
    "majority": _("always the commonest class"),
    "tfidf_logistic_regression": _("counting words (tf-idf, logistic regression)"),
    "without_masked_words": _("the same without continued pretraining"),
    "scratch": _("the same network from scratch"),
}
MOST_CHARACTERS = 5000  # of a sentence to try


def show(found: recorded.Finished) -> None:
    """Everything about a finished run of a text classifier."""
    info = registry.task(found.recipe.task).info
    result_step.verdict(info, found)
    result_step.try_and_take(info, found, lambda: st.fragment(_try)(found), _("Try a sentence"))
    left, right = st.columns([1, 1])
    with left, frame.card(_("Where it is wrong"), help=_("Rows are the true classes, columns what the model said.")):
        st.fragment(mistakes.confusion)(info, found)
    with right, frame.card(_("Its most confident mistakes"), help=_("Look here first: wrong labels show up here too.")):
        st.fragment(mistakes.worst)(info, found)
    st.fragment(mistakes.browser)(info, found)
    with frame.card(_("Beside other ways: {title}", title=info.metric.title.lower()), help=info.metric.help):
        _others(info, found)
    result_step.advise(found)
    with result_step.further_details():
        result_step.how_it_learnt(info, found)
        st.fragment(_maps)(found)
        st.fragment(calibration.show)(info, found)
        result_step.kept_and_trained(found)
        result_step.small_print(info, found)


def _others(info: TaskInfo, found: recorded.Finished) -> None:
    beside.show(info, found, found.result.baselines.items(), told(NAMES), info.metric.title.lower(), share=True)
    if counted := comparisons.against(found.result, "tfidf_logistic_regression"):
        st.caption(_counting(counted, info.metric))


def _counting(verdict: Verdict, metric: Metric) -> str:
    """What the run is worth beside counting words, which takes a second and no network."""
    sentence, line = words.verdict(verdict, metric)
    said: dict[Side, str] = {
        "better": _("{sentence} ({line}), which takes a second and no network.", sentence=sentence, line=line),
        "close": _(
            "Counting words does about as well, in a second and without a network: {sentence} ({line}).",
            sentence=sentence,
            line=line,
        ),
        "unclear": _(
            "Counting words, in a second and without a network, cannot be told from it: {sentence} ({line}).",
            sentence=sentence,
            line=line,
        ),
        "worse": _(
            "Counting words does better, in a second and without a network: {sentence} ({line}).",
            sentence=sentence,
            line=line,
        ),
    }
    return said[verdict.side]


# --- the map --------------------------------------------------------------------------------------


def _maps(found: recorded.Finished) -> None:
    box = st.expander(_("A map of the test texts"), key="maps", icon=":material/scatter_plot:", on_change="rerun")
    if not box.open:
        return
    with box:
        rows = recorded.examples(found)
        drawn = [when for when in ("before", "after") if any(row.get(f"x_{when}") is not None for row in rows)]
        if not drawn:
            st.caption(_("There are too few test texts for a map."))
            return
        st.caption(
            _(
                "Texts that the network takes for alike lie near each other. Hover over a ring: it is a mistake. "
                "Only neighbourhoods mean something; the axes and large distances do not (t-SNE)."
            )
        )
        titles = {"before": _("Before: the network as it came"), "after": _("After it learnt")}
        if drawn == ["after"]:
            titles["after"] = _("As the network sees them (it has not changed; only the head learnt)")
        for place, when in zip(st.columns(len(drawn)), drawn, strict=True):
            with place:
                st.markdown(f"**{titles[when]}**")
                plots.show(_map(rows, when, found.result.details["classes"]), f"map_{when}", alt=titles[when])


def _map(rows: list[dict[str, Any]], when: str, classes: list[str]) -> plots.Figure:
    colours = (plots.PRETRAINED, plots.TRAINED, *plots.MUTED)
    symbols = ("circle", "square", "diamond", "triangle-up", "cross", "star")
    data = []
    for number, name in enumerate(classes):
        own = [row for row in rows if row["label"] == name and row.get(f"x_{when}") is not None]
        wrong = [row["label"] != row["predicted"] for row in own]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [row[f"x_{when}"] for row in own],
                "y": [row[f"y_{when}"] for row in own],
                "text": [_hover(row) for row in own],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {
                    "color": colours[number % len(colours)],
                    "symbol": symbols[number % len(symbols)],
                    "size": [11 if w else 7 for w in wrong],
                    "opacity": [1.0 if w else 0.6 for w in wrong],
                    "line": {"color": "#D33", "width": [2 if w else 0 for w in wrong]},
                },
            }
        )
    hidden = {"showticklabels": False, "showgrid": False}
    layout = plots.layout(340, "", "", xaxis=hidden, yaxis=hidden, showlegend=True)
    layout["legend"] = {"orientation": "h", "y": -0.05}
    return {"data": data, "layout": layout}


def _hover(row: dict[str, Any]) -> str:
    text = str(row.get("text", ""))
    lines = [text[i : i + 60] for i in range(0, min(len(text), 240), 60)]
    lines = [line.replace("<", "‹").replace(">", "›") for line in lines]
    said = _(
        "says {predicted} ({confidence:.0f} %), is {label}",
        predicted=row["predicted"],
        confidence=100 * row["confidence"],
        label=row["label"],
    )
    return "<br>".join([*lines, f"<i>{said}</i>".replace("%{", "%")])


# --- try it ---------------------------------------------------------------------------------------


def _try(found: recorded.Finished) -> None:
    def answer(given: dict[str, Any]) -> None:
        try_it.answered(given["rows"][0], 0)
        st.caption(_("Answered in {milliseconds:.0f} ms.", milliseconds=given["milliseconds"]))

    try_it.sentence(found, MOST_CHARACTERS, answer)
