"""Figures of series: lines over time, a fan of quantiles, errors by step, what the past added."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from engines.contract import Json
from engines.messages import _
from ui.widgets import plots

WIDE = "rgba(232,113,10,.16)"
NARROW = "rgba(232,113,10,.34)"
Figure = plots.Figure


def trace(name: str, x: Sequence[Any], y: Sequence[float | None], colour: str, **more: Json) -> Figure:
    """A line over time; a missing value breaks it."""
    return {
        "type": "scatter",
        "mode": more.pop("mode", "lines"),
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": more.pop("width", 1.6), "dash": more.pop("dash", "solid")},
        "connectgaps": False,
        "hovertemplate": f"{name}<br>%{{x}}: %{{y:.5g}}<extra></extra>",
        **more,
    }


def series(found: dict[str, Any]) -> Figure:
    """One series as it was brought."""
    figure = plots.layout(260, "", "")
    lone = [
        value if value is not None and _alone(found["y"], i) else None for i, value in enumerate(found["y"])
    ]  # a value between two gaps makes no line
    data = [trace(found["name"], found["ds"], found["y"], plots.DATA)]
    if any(value is not None for value in lone):
        dots = trace(found["name"], found["ds"], lone, plots.DATA, mode="markers")
        data.append(dots | {"marker": {"size": 4, "color": plots.DATA}})
    return {"data": data, "layout": figure}


def _alone(values: Sequence[float | None], i: int) -> bool:
    before = values[i - 1] if i else None
    after = values[i + 1] if i + 1 < len(values) else None
    return before is None and after is None


def decomposition(found: dict[str, Any]) -> Figure:
    """Trend, season and rest, one below the other, all on one scale of time."""
    parts = (("trend", "trend", plots.MUTED[0]), ("seasonal", "season", plots.MUTED[1]), ("rest", "rest", plots.DATA))
    figure = plots.layout(330, "", "")
    data = []
    for number, (key, title, colour) in enumerate(parts, 1):
        axis = "y" if number == 1 else f"y{number}"
        data.append(trace(title, found["ds"], found[key], colour) | {"yaxis": axis})
        name = "yaxis" if number == 1 else f"yaxis{number}"
        high = 1 - (number - 1) / 3
        figure[name] = {
            **figure["yaxis"],
            "title": {"text": title},
            "domain": [high - 0.28, high],
            "anchor": "x",
            "nticks": 4,
        }
    figure["xaxis"] |= {"anchor": f"y{len(parts)}"}
    return {"data": data, "layout": figure}


def fan(
    past: tuple[Sequence[Any], Sequence[float | None]], ahead: dict[str, list[Any]], *, truth: bool, naive: bool
) -> Figure:
    """What was known, and the forecast with its 80 % and 40 % intervals. `ahead` has ds, q0.1 … q0.9, and perhaps y
    and seasonal_naive."""
    ahead = _joined(past, ahead)
    ds = ahead["ds"]
    data = [trace("known", past[0], past[1], plots.DATA)]
    for low, high, colour, title in (
        ("q0.1", "q0.9", WIDE, _("80 % interval")),
        ("q0.3", "q0.7", NARROW, _("40 % interval")),
    ):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": title,
                "x": [*ds, *ds[::-1]],
                "y": [*ahead[high], *ahead[low][::-1]],
                "fill": "toself",
                "fillcolor": colour,
                "line": {"width": 0},
                "hoverinfo": "skip",
            }
        )
    if naive and "seasonal_naive" in ahead:
        data.append(trace(_("seasonal naive"), ds, ahead["seasonal_naive"], plots.SCRATCH, dash="dot", width=1.4))
    data.append(trace("forecast", ds, ahead["q0.5"], plots.TRAINED, width=2.4))
    if truth:
        dots = trace(_("what came"), ds, ahead["y"], "#2B7A4B", mode="lines+markers", width=1.2)
        data.append(dots | {"marker": {"size": 5, "symbol": "diamond", "color": "#2B7A4B"}})
    figure = plots.layout(340, "", "", showlegend=True)
    figure["legend"] = {"orientation": "h", "y": -0.14, "yanchor": "top", "x": 0, "font": {"size": 12}}
    return {"data": data, "layout": figure}


def _joined(past: tuple[Sequence[Any], Sequence[float | None]], ahead: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The forecast begun at the last known value, so that no gap is seen where none is."""
    if not past[0] or past[1][-1] is None:
        return ahead
    return {name: [past[0][-1] if name == "ds" else past[1][-1], *values] for name, values in ahead.items()}


def by_step(rows: list[dict[str, float]]) -> Figure:
    """The error at each step ahead, ours and the seasonal naive's."""
    steps = [row["step"] for row in rows]
    curves = [
        plots.line(_("seasonal naive"), steps, [row["seasonal_naive"] for row in rows], plots.SCRATCH, "dot"),
        plots.line(_("this model"), steps, [row["own"] for row in rows], plots.TRAINED),
    ]
    figure = plots.lines(curves, x=_("steps ahead"), y=_("MASE"), last_x=len(steps))
    figure["layout"]["yaxis"]["range"][0] = 0
    return figure


def histogram(edges: list[float], counts: list[int], x: str) -> Figure:
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    bars = {
        "type": "bar",
        "x": middles,
        "y": counts,
        "width": [high - low for low, high in pairwise(edges)],
        "marker": {"color": plots.TRAINED, "opacity": 0.75},
        "hovertemplate": "%{x:.2g}: %{y}<extra></extra>",
    }
    return {"data": [bars], "layout": plots.layout(220, x, "", bargap=0.05)}


def places(counts: list[int]) -> Figure:
    """Where among the nine quantiles the truth fell: ten bars, which would be level if every quantile held."""
    total = max(1, sum(counts))
    names = [_("below 10 %"), *(f"{low}–{low + 10} %" for low in range(10, 90, 10)), _("above 90 %")]
    bars = {
        "type": "bar",
        "x": names,
        "y": [count / total for count in counts],
        "marker": {"color": plots.TRAINED, "opacity": 0.75},
        "hovertemplate": "%{x}: %{y:.0%}<extra></extra>",
    }
    figure = plots.layout(220, "", "", yaxis={"tickformat": ".0%"}, bargap=0.15)
    figure["xaxis"] |= {"tickangle": -45}
    line = {"color": plots.SCRATCH, "dash": "dot", "width": 1.5}
    figure["shapes"] = [{"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 0.1, "y1": 0.1, "line": line}]
    return {"data": [bars], "layout": figure}


def added(ds: list[Any], values: list[float | None], attribution: list[float]) -> Figure:
    """The past, and below it what each value of it added to the forecast."""
    figure = plots.layout(340, "", "")
    figure["yaxis"] |= {"domain": [0.45, 1]}
    figure["yaxis2"] = {**figure["yaxis"], "domain": [0, 0.36], "anchor": "x", "title": {"text": "added"}}
    figure["xaxis"] |= {"anchor": "y2"}
    bars = {
        "type": "bar",
        "x": ds,
        "y": attribution,
        "yaxis": "y2",
        "marker": {"color": [plots.TRAINED if value >= 0 else plots.PRETRAINED for value in attribution]},
        "hovertemplate": "%{x}: %{y:+.3g}<extra></extra>",
    }
    return {"data": [trace("past", ds, values, plots.DATA), bars], "layout": figure}
