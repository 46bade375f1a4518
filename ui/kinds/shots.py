"""None, one, or a few labels a class: what each was worth on the same samples, as recorded."""

from __future__ import annotations

import functools
import json
from typing import Any

import streamlit as st

from engines import paths, registry
from engines.messages import _, _n
from ui.page import domains, frame
from ui.widgets import plots

FILE = "shots.json"
LOOKS = {"logistic regression": (plots.TRAINED, "solid", "circle"), "prototypes": (plots.MUTED[1], "dash", "diamond")}
"""Colour, dash and mark of each head."""
PLACES = {0: 0, 1: 1, 2: 2, 5: 3, 10: 4, 20: 5}
"""Labels a class -> where they stand: as far apart as they are often spoken of."""


def show() -> None:
    """The curve of one sample at a time; nothing where none was recorded."""
    found = recorded()
    if not found:
        return
    with frame.card(_("None, one or a few labels"), key="shots"):
        st.markdown(
            _(
                "**Zero-shot** finds classes by their names, **one-shot** learns from one example of each, "
                "**few-shot** from a few. The network is the same and stays frozen; only what is learnt on top "
                "of it differs."
            )
        )
        titles = {sample["sample"]: sample["title"] for sample in found["samples"]}
        chosen = st.segmented_control(
            _("Sample"),
            list(titles),
            format_func=titles.__getitem__,
            default=next(iter(titles)),
            required=True,
            key="shot",
        )
        sample = next(sample for sample in found["samples"] if sample["sample"] == chosen)
        plots.show(figure(sample), f"shots_{chosen}", alt=told(sample), table=lambda: rows(sample))
        if said := overtaken(sample):
            st.markdown(said)
        st.caption(about(sample, found))
        if "zero_shot" not in sample and (page := domains.further("showing")) is not None:
            st.page_link(page, label=_("Instead, show a few pictures a class"), icon=":material/arrow_forward:")


@functools.cache
def recorded() -> dict[str, Any]:
    """What benchmarks/shots_curve.py measured; empty where it has not."""
    try:
        found: dict[str, Any] = json.loads((paths.showcase() / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def points(sample: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Each way of answering, with what it came to."""
    named = [(_("from names alone"), [sample["zero_shot"]])] if "zero_shot" in sample else []
    return [*named, *sample["lines"].items()]


def figure(sample: dict[str, Any]) -> plots.Figure:
    """Balanced accuracy with its interval, against labels a class."""
    data = []
    for nudge, (name, own) in enumerate(points(sample)):
        colour, dash, mark = LOOKS.get(name, (plots.PRETRAINED, "solid", "square"))
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [PLACES[point["shots"]] + 0.04 * (nudge - 1) for point in own],
                "y": [point["value"] for point in own],
                "error_y": plots.whiskers([(p["low"], p["value"], p["high"]) for p in own], colour),
                "line": {"color": colour, "dash": dash, "width": 2},
                "marker": {"size": 9, "symbol": mark, "color": colour},
                "customdata": [[p["low"], p["high"]] for p in own],
                "hovertemplate": _(
                    "{name}: %{{y:.1%}} (%{{customdata[0]:.1%}} to %{{customdata[1]:.1%}})<extra></extra>", name=name
                ),
            }
        )
    chance = 1 / sample["classes"]
    found = plots.layout(320, _("labelled examples a class"), "balanced accuracy")
    found["xaxis"] |= {"tickvals": list(PLACES.values()), "ticktext": list(map(str, PLACES)), "range": [-0.4, 5.4]}
    lowest = min(chance, *(point["low"] for _, own in points(sample) for point in own))
    found["yaxis"] |= {"tickformat": ".0%", "range": [max(0.0, lowest - 0.05), 1]}
    found["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": chance, "y1": chance}
        | {"line": {"color": plots.SCRATCH, "dash": "dot", "width": 1}}
    ]
    found |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.12, "x": 0}}
    return {"data": data, "layout": found}


def rows(sample: dict[str, Any]) -> plots.Rows:
    return [
        {
            "labels a class": point["shots"],
            "learnt by": name,
            "balanced accuracy": f"{100 * point['value']:.1f} %",
            "interval": f"{100 * point['low']:.1f} – {100 * point['high']:.1f} %",
            "test examples": point["n"],
            "draws": point["draws"],
        }
        for name, own in points(sample)
        for point in own
    ]


def told(sample: dict[str, Any]) -> str:
    return "; ".join(
        _("{name}, {shots} a class: {value:.1f} %", name=name, shots=point["shots"], value=100 * point["value"])
        for name, own in points(sample)
        for point in own
    )


def overtaken(sample: dict[str, Any]) -> str:
    """From how many labels a class on learning did better than names alone, by the means; empty without the latter."""
    if "zero_shot" not in sample:
        return ""
    named, learnt = sample["zero_shot"]["value"], sample["lines"]["logistic regression"]
    better = [point["shots"] for point in learnt if point["value"] > named]
    worse = [point["shots"] for point in learnt if point["value"] <= named]
    if not better:
        return _("On this sample names alone did at least as well as {worse} labels a class.", worse=worse[-1])
    if not worse or better[0] < worse[0]:
        return _n(
            "On this sample {n} label a class did better than names alone.",
            "On this sample {n} labels a class did better than names alone.",
            better[0],
        )
    return _(
        "On this sample names alone did at least as well as {w} labels a class, and {better} did better.",
        w=max(w for w in worse if w < better[0]),
        better=better[0],
    )


def about(sample: dict[str, Any], found: dict[str, Any]) -> str:
    """What was measured, and how, in a few sentences."""
    first = next(iter(sample["lines"].values()))[0]
    unit, c = registry.task(sample["task"]).info.unit, f"{found['C']:g}"
    said = _(
        "{model_title}, frozen; {n} {unit} test, the same for all. From 1 a class on, the "
        "mean of {draws} draws (seed {seed}); bars are 95 % intervals over test examples and "
        "draws. Prototypes: the nearest class mean; logistic regression with C = {c}; both "
        "on vectors of length 1. Dotted: chance.",
        model_title=sample["model_title"],
        n=first["n"],
        unit=unit,
        draws=found["draws"],
        seed=found["seed"],
        c=c,
    )
    if "zero_shot" in sample:
        return _(
            "{said} From names alone: the sentence nearest to a text, such as “{asked}”.",
            said=said,
            asked=sample["zero_shot"]["asked"],
        )
    return _(
        "{said} It begins at 1: no network was here that learnt pictures together with "
        "words, and none other can find a class by its name.",
        said=said,
    )
