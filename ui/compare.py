"""Finished runs side by side: numbers with their intervals, and curves in one plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Strategy
from engines.runs import RunFolder
from ui import frame, plots, recorded, run_list, words

MOST = 6
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def show(ids: Sequence[str]) -> None:
    """Compare the runs of these ids; runs of different tasks are not compared with each other."""
    if len(ids) < 2:
        if ids:
            st.caption("Choose a second run to compare with.")
        return
    found = [f for run_id in ids[:MOST] if (f := recorded.finished(RunFolder.find(run_id)))]
    if len(ids) > MOST:
        st.caption(f"The first {MOST} are compared.")
    if len({f.recipe.task for f in found}) > 1:
        st.warning("These runs solve different tasks, so their numbers can't be compared. Choose runs of one task.")
        return
    info = registry.task(found[0].recipe.task).info
    share = info.metric in words.SHARES
    names = _names(found)
    same = len({f.recipe.data_sha256 for f in found}) == 1
    if not same:
        st.caption(":material/info: These runs were tested on different data: compare with care.")
    with frame.card(f"{info.metric_title} on the test {info.unit}, with 95 % intervals", help=info.metric_help):
        entries: list[dict[str, Any]] = [
            {
                "name": name,
                "value": f.result.value,
                "low": f.result.low,
                "high": f.result.high,
                "colour": _colour(i, f),
                "symbol": SYMBOLS[i],
            }
            for i, (name, f) in enumerate(zip(names, found, strict=True))
        ]
        plots.show(
            plots.intervals(entries, x=info.metric_title.lower(), share=share),
            "compare_intervals",
            alt="; ".join(f"{e['name']}: {words.metric(info.metric, e['value'])}" for e in entries),
        )
        plots.rows([_row(name, f) for name, f in zip(names, found, strict=True)])
    with frame.card(f"Validation {info.metric_title.lower()} as they learnt"):
        lines = []
        for i, (name, f) in enumerate(zip(names, found, strict=True)):
            own = [e for e in f.epochs if e.get("series") != "scratch" or f.recipe.strategy is Strategy.SCRATCH]
            points = [(e["epoch"], e["validation_metric"]) for e in own if e.get("validation_metric") is not None]
            if points:
                x, y = zip(*points, strict=True)
                lines.append(plots.line(name, x, y, _colour(i, f), DASHES[i]))
        if lines:
            last = max(line["x"][-1] for line in lines)
            plots.show(
                plots.lines(lines, x="epoch", y=info.metric_title.lower(), last_x=last, share=share, height=320),
                "compare_curves",
                alt="Validation metric of each run at each epoch",
            )
        else:
            st.caption("None of these runs has a validation curve.")


def _names(found: list[recorded.Finished]) -> list[str]:
    """Short and distinct: the title, and the strategy or the seed where titles repeat."""
    titles = [f.recipe.title or run_list.model_title(f.recipe) for f in found]
    if len(set(titles)) < len(titles):
        titles = [
            words.strategy(f.recipe.strategy, f.recipe.settings.get("blocks"), f.recipe.task)
            if len(set(titles)) == 1
            else f"{t}, {words.strategy(f.recipe.strategy, task=f.recipe.task).lower()}"
            for t, f in zip(titles, found, strict=True)
        ]
    seen: dict[str, int] = {}
    for i, title in enumerate(titles):
        seen[title] = seen.get(title, 0) + 1
        if seen[title] > 1:
            titles[i] = f"{title} ({seen[title]})"
    return titles


def _colour(index: int, found: recorded.Finished) -> str:
    if found.recipe.strategy is Strategy.SCRATCH:
        return plots.SCRATCH
    return (plots.TRAINED, *plots.MUTED)[index]


def _row(name: str, found: recorded.Finished) -> dict[str, object]:
    r = found.result
    scratch = r.baselines.get("scratch")
    return {
        "run": name,
        "model": run_list.model_title(found.recipe),
        "learns": words.strategy(r.strategy, found.recipe.settings.get("blocks"), r.task),
        r.metric.replace("_", " "): words.metric(r.metric, r.value),
        "95 % interval": words.interval(r.metric, r.low, r.high),
        "from scratch": "–" if scratch is None else words.metric(r.metric, scratch),
        "learnt from": r.n_train,
        "tested on": r.n_test,
        "time": words.duration(r.seconds),
        "learning parameters": words.parameters(r.trainable_parameters),
        "seed": r.seed,
    }
