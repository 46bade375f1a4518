"""Step 5 of text classification: the verdict, the other ways to do it, the errors, the map, and a sentence to try."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import TaskInfo
from ui import (
    calibration,
    frame,
    mistakes,
    plots,
    recorded,
    result_step,
    take_home,
    try_it,
    words,
)

NAMES = {
    "majority": "always the commonest class",
    "tfidf_logistic_regression": "counting words (tf-idf, logistic regression)",
    "scratch": "the same network from scratch",
}
MOST_CHARACTERS = 5000  # of a sentence to try


def show(found: recorded.Finished) -> None:
    """Everything about a finished run of a text classifier."""
    info = registry.task(found.recipe.task).info
    result_step.verdict(info, found)
    with frame.card(f"Beside other ways: {info.metric_title.lower()}", help=info.metric_help):
        _others(info, found)
    result_step.how_it_learnt(info, found)
    left, right = st.columns([1, 1])
    with left, frame.card("Where it is wrong", help="Rows are the true classes, columns what the model said."):
        st.fragment(mistakes.confusion)(info, found)
    with right, frame.card("Its most confident mistakes", help="Look here first: wrong labels show up here too."):
        st.fragment(mistakes.worst)(info, found)
    st.fragment(mistakes.browser)(info, found)
    st.fragment(_maps)(found)
    st.fragment(calibration.show)(info, found)
    result_step.kept_and_trained(found)
    left, right = st.columns([1, 1])
    with left, frame.card("Try a sentence"):
        st.fragment(_try)(found)
    with right, frame.card("Take it home"):
        take_home.show(info, found)
    result_step.what_next(found)
    result_step.small_print(info, found)


def _others(info: TaskInfo, found: recorded.Finished) -> None:
    result = found.result
    strategy = words.strategy(result.strategy).lower()
    own = {"name": f"this run ({strategy})", "value": result.value, "low": result.low, "high": result.high,
           "colour": plots.TRAINED, "symbol": "circle"}  # fmt: skip
    entries: list[dict[str, Any]] = [own]
    for name, value in sorted(result.baselines.items(), key=lambda entry: -entry[1]):
        bounds = result.baseline_details.get(name, {})
        entries.append(
            {"name": NAMES.get(name, name), "value": value, "low": bounds.get("low", value),
             "high": bounds.get("high", value), "colour": plots.SCRATCH, "symbol": "square"}
        )  # fmt: skip
    plots.show(
        plots.intervals(entries, x=info.metric_title.lower(), share=True),
        "others",
        alt="; ".join(f"{e['name']}: {words.metric(info.metric, e['value'])}" for e in entries),
        table=lambda: [
            {
                "way": e["name"],
                info.metric_title.lower(): words.metric(info.metric, e["value"]),
                "95 % interval": words.interval(info.metric, e["low"], e["high"]),
            }
            for e in entries
        ],
    )
    counted = result.baselines.get("tfidf_logistic_regression")
    if counted is not None:
        better = result.value - counted
        text = f"{words.difference(info.metric, better)} over counting words, which takes a second and no network."
        if better <= 0:
            text = "Counting words does as well here: it takes a second and no network."
        st.caption(text)


# --- the map --------------------------------------------------------------------------------------


def _maps(found: recorded.Finished) -> None:
    box = st.expander("A map of the test texts", key="maps", icon=":material/scatter_plot:", on_change="rerun")
    if not box.open:
        return
    with box:
        rows = recorded.examples(found)
        drawn = [when for when in ("before", "after") if any(row.get(f"x_{when}") is not None for row in rows)]
        if not drawn:
            st.caption("There are too few test texts for a map.")
            return
        st.caption(
            "Texts that the network takes for alike lie near each other. Hover over a ring: it is a mistake. "
            "Only neighbourhoods mean something; the axes and large distances do not (t-SNE)."
        )
        titles = {"before": "Before: the network as it came", "after": "After it learnt"}
        if drawn == ["after"]:
            titles["after"] = "As the network sees them (it has not changed; only the head learnt)"
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
    said = f"says {row['predicted']} ({100 * row['confidence']:.0f} %), is {row['label']}"
    return "<br>".join([*lines, f"<i>{said}</i>".replace("%{", "%")])


# --- try it ---------------------------------------------------------------------------------------


def _try(found: recorded.Finished) -> None:
    def answer(given: dict[str, Any]) -> None:
        try_it.answered(given["rows"][0], 0)
        st.caption(f"Answered in {given['milliseconds']:.0f} ms.")

    try_it.sentence(found, MOST_CHARACTERS, answer)
