"""Figures of speech: accents before and after, the line between two models, errors of verification, a map of voices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.messages import _
from ui.widgets import plots

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down")


def durations(seconds: Sequence[float]) -> plots.Figure:
    """How long the clips are."""
    trace = {
        "type": "histogram",
        "x": list(seconds),
        "nbinsx": 20,
        "marker": {"color": plots.DATA},
        "hovertemplate": _("%{x} s: %{y} clips<extra></extra>"),
    }
    return {"data": [trace], "layout": plots.layout(190, "seconds", "clips", bargap=0.08)}


def accents(rows: Sequence[dict[str, Any]], what: str = "wer") -> plots.Figure:
    """For each accent a square before and a dot after, with their intervals."""
    traces = []
    names = [row["accent"] for row in rows][::-1]
    for when, colour, symbol, shift in (
        ("before", plots.PRETRAINED, "square", 0.12),
        ("after", plots.TRAINED, "circle", -0.12),
    ):
        found = [row[what][when] for row in rows][::-1]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": when,
                "x": [e["value"] for e in found],
                "y": [i + shift for i in range(len(found))],
                "error_x": plots.whiskers([(e["low"], e["value"], e["high"]) for e in found], colour),
                "marker": {"size": 11, "color": colour, "symbol": symbol},
                "customdata": [[name, e["low"], e["high"]] for name, e in zip(names, found, strict=True)],
                "hovertemplate": _(
                    "%{{customdata[0]}}, {when}: %{{x:.1%}} (%{{customdata[1]:.1%}} to "
                    "%{{customdata[2]:.1%}})<extra></extra>",
                    when=when,
                ),
            }
        )
    top = max((row[what][when]["high"] for row in rows for when in ("before", "after")), default=1.0)
    figure = plots.layout(
        84 + 46 * len(names),
        _("word error rate"),
        "",
        xaxis={"tickformat": ".0%", "range": [0, top * 1.06], "showgrid": True},
        yaxis={"tickvals": list(range(len(names))), "ticktext": names, "showgrid": False},
        showlegend=True,
        legend={"orientation": "h", "y": 1.15, "x": 0},
    )
    return {"data": traces, "layout": figure}


def curve(points: Sequence[dict[str, Any]], kept: float, chosen: float) -> plots.Figure:
    """Word error rate on the new accent and on the one the model came with, along the line from before to after."""
    lines = []
    for key, name, colour, dash in (
        ("wer", _("your clips"), plots.TRAINED, "solid"),
        ("source", _("its own accent"), plots.PRETRAINED, "dash"),
    ):
        own = [p for p in points if key in p]
        if not own:
            continue
        line = plots.line(name, [p["share"] for p in own], [p[key]["value"] for p in own], colour, dash)
        line["error_y"] = plots.whiskers([(p[key]["low"], p[key]["value"], p[key]["high"]) for p in own], colour)
        line["hovertemplate"] = _("{name}<br>%{{x:.0%}} kept: %{{y:.1%}}<extra></extra>", name=name)
        lines.append(line)
    figure = plots.lines(
        lines, x=_("share kept of what was learnt"), y=_("word error rate"), last_x=1.0, share=True, mark=kept
    )
    top = max((p[key]["high"] for p in points for key in ("wer", "source") if key in p), default=1.0)
    figure["layout"]["xaxis"] |= {"range": [-0.04, 1.06], "tickformat": ".0%", "dtick": 0.25}
    figure["layout"]["yaxis"] |= {"range": [0, top * 1.05]}
    if chosen != kept:
        figure["layout"].setdefault("shapes", []).append(
            {
                "type": "line",
                "x0": chosen,
                "x1": chosen,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": plots.TRAINED, "width": 1.5},
            }
        )
    return figure


def det(before: dict[str, Any] | None, after: dict[str, Any] | None) -> plots.Figure:
    """Both kinds of error of verification at every threshold; where they meet is the equal error rate."""
    traces = []
    for name, found, colour, dash in (
        ("as it came", before, plots.PRETRAINED, "dash"),
        ("after", after, plots.TRAINED, "solid"),
    ):
        if found:
            x, y = [p[0] for p in found["det"]], [p[1] for p in found["det"]]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": name,
                    "x": x,
                    "y": y,
                    "line": {"color": colour, "dash": dash, "width": 2, "shape": "hv"},
                    "hovertemplate": _("{name}: %{{x:.1%}} let in, %{{y:.1%}} turned away<extra></extra>", name=name),
                }
            )
    meeting = {
        "type": "line",
        "x0": 0,
        "y0": 0,
        "x1": 1,
        "y1": 1,
        "line": {"color": plots.SCRATCH, "dash": "dot", "width": 1},
    }
    figure = plots.layout(
        280,
        _("other voices let in"),
        _("own voice turned away"),
        xaxis={"tickformat": ".0%", "range": [-0.02, 1.02], "showgrid": True},
        yaxis={"tickformat": ".0%", "range": [-0.02, 1.02]},
        showlegend=True,
        legend={"orientation": "h", "y": 1.15, "x": 0},
        shapes=[meeting],
    )
    return {"data": traces, "layout": figure}


def voices(points: Sequence[dict[str, Any]]) -> plots.Figure:
    """Where clips lie when like voices lie together; test clips have a ring."""
    colours = (plots.PRETRAINED, plots.TRAINED, *plots.MUTED)
    traces = []
    names = sorted({p["speaker"] for p in points})
    for number, name in enumerate(names):
        own = [p for p in points if p["speaker"] == name]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [p["x"] for p in own],
                "y": [p["y"] for p in own],
                "marker": {
                    "size": 10,
                    "color": colours[number % len(colours)],
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "line": {"width": [2 if p["part"] == "test" else 0 for p in own], "color": plots.SCRATCH},
                },
                "customdata": [[p["file"], p["part"]] for p in own],
                "hovertemplate": f"{name}<br>%{{customdata[0]}} (%{{customdata[1]}})<extra></extra>",
            }
        )
    hidden = {"showticklabels": False, "showgrid": False}
    figure = plots.layout(
        340,
        "",
        "",
        xaxis=hidden,
        yaxis=hidden,
        showlegend=len(names) <= 12,
        legend={"orientation": "h", "y": -0.05, "x": 0},
    )
    return {"data": traces, "layout": figure}
