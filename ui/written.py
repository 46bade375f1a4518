"""What the results of the two tasks whose model writes share: test examples with answers from before and after."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import streamlit as st

from engines.contract import TaskInfo
from ui import frame, plots, recorded, text_cards, words

NAMES = {
    "zero_shot": "the model as it came",
    "scratch": "the same network from scratch",
    "uniform": "guessing every token alike",
    "copy": "handing back the source",
}


def rows(found: recorded.Finished) -> list[dict[str, Any]]:
    """Every test example: file, question, label, predicted, and base_predicted where the run began with a test."""
    return _rows(found.run.path / "predictions.parquet", found.finished)


@functools.lru_cache(maxsize=8)
def _rows(path: Path, stamp: float) -> list[dict[str, Any]]:  # noqa: ARG001  (a run trained again is another)
    if not path.is_file():
        return []
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def others(info: TaskInfo, found: recorded.Finished, hidden: tuple[str, ...] = ()) -> None:
    """The run's value beside its baselines, each with its interval; `hidden` ones would squeeze the axis."""
    result = found.result
    entries: list[dict[str, Any]] = [
        {"name": f"this run ({words.strategy(result.strategy).lower()})", "value": result.value, "low": result.low,
         "high": result.high, "colour": plots.TRAINED, "symbol": "circle"}
    ]  # fmt: skip
    for name, value in result.baselines.items():
        bounds = result.baseline_details.get(name, {})
        if name not in hidden:
            entries.append(
                {"name": NAMES.get(name, name), "value": value, "low": bounds.get("low", value),
                 "high": bounds.get("high", value), "colour": plots.SCRATCH, "symbol": "square"}
            )  # fmt: skip
    title = info.metric_title
    with frame.card(f"Beside other ways: {title}", help=info.metric_help):
        plots.show(
            plots.intervals(entries, x=title),
            "others",
            alt="; ".join(f"{e['name']}: {words.metric(info.metric, e['value'])}" for e in entries),
            table=lambda: [
                {
                    "way": e["name"],
                    title: words.metric(info.metric, e["value"]),
                    "95 % interval": words.interval(info.metric, e["low"], e["high"]),
                }
                for e in entries
            ],
        )
        better = "Higher is better." if info.higher_is_better else "Lower is better."
        for name in hidden:
            if name in result.baselines:
                better += (
                    f" {NAMES[name].capitalize()} would be at {words.metric(info.metric, result.baselines[name])}."
                )
        st.caption(better)


def pair(question: str, texts: list[tuple[str, str]]) -> None:
    """A question, and what different writers made of it: (text, who says it) side by side."""
    text_cards.show([(question, "the question")])
    for place, (text, who) in zip(st.columns(len(texts)), texts, strict=True):
        with place:
            text_cards.show([(text or "(nothing)", who)])


def lengths(details: dict[str, Any], question: str, answer: str) -> None:
    """How long the two sides of the examples are, in words."""
    for name, title in (("question", question), ("answer", answer)):
        low, middle, high = details["words"][name]
        st.caption(f"{title}: {middle} words in the middle case, {low} to {high} for nine in ten.")
