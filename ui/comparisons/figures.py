"""The plots of a comparison: the metric over what was learnt from, by epoch, and over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engines.messages import _
from ui.comparisons.found import Arm, Point
from ui.widgets import plots
from ui.widgets.return_curve import band

SPREAD = 5
"""Budgets that lie further apart are drawn on a logarithmic axis."""
LONGEST = 20  # letters of a name at a line's end
Course = dict[str, Any]
"""How one training went: strategy, seed, epochs, values, seconds (from its start)."""


def learning_curve(
    arms: Sequence[Arm], points: Sequence[Point], *, x: str, y: str, share: bool, height: int = 320
) -> plots.Figure:
    """A line an arm over the budgets, a thin dot a seed, and the 95 % interval where it is known; of one budget, the
    arms below each other."""
    budgets = sorted({point["budget"] for point in points})
    if len(budgets) == 1:
        return _at_one_budget(arms, points, y=y, share=share)
    bands, dots, curves = [], [], []
    for arm in arms:
        own = sorted((point for point in points if point["strategy"] == arm.name), key=lambda point: point["budget"])
        at = [point["budget"] for point in own]
        if own and all(point.get("low") is not None for point in own):
            bands.append(band(at, [p["low"] for p in own], [p["high"] for p in own], pale(arm.colour)))
        dots.append(_dots(arm, [(p["budget"], value) for p in own for value in p["values"]]))
        curves.append(_line(arm, at, [point["mean"] for point in own]))
    low, high = _range([bound for p in points for bound in _extent(p)], share)
    figure = _framed(curves, x=x, y=y, low=low, high=high, share=share, height=height)
    _by_budget(figure, budgets)
    return {"data": [*bands, *dots, *curves], "layout": figure}


def _by_budget(figure: plots.Figure, budgets: Sequence[int]) -> None:
    """Ticks where something was measured; far budgets apart by their ratio."""
    axis = figure["xaxis"] | {"tickvals": list(budgets), "ticktext": [f"{budget:,}" for budget in budgets]}
    first, last = budgets[0], budgets[-1]
    if first > 0 and last / first > SPREAD:
        start, end = math.log10(first), math.log10(last)
        axis |= {"type": "log", "range": [start - 0.03 * (end - start), end + 0.03 * (end - start)]}
        for label in figure["annotations"]:
            label["x"] = math.log10(label["x"])  # as Plotly counts on such an axis
    figure["xaxis"] = axis


def _at_one_budget(arms: Sequence[Arm], points: Sequence[Point], *, y: str, share: bool) -> plots.Figure:
    titles = {arm.name: arm for arm in arms}
    entries = [
        {
            "name": titles[p["strategy"]].title,
            "value": p["mean"],
            "low": p["mean"] if p.get("low") is None else p["low"],
            "high": p["mean"] if p.get("high") is None else p["high"],
            "colour": titles[p["strategy"]].colour,
            "symbol": titles[p["strategy"]].symbol,
        }
        for p in sorted(points, key=lambda p: [arm.name for arm in arms].index(p["strategy"]))
    ]
    figure = plots.intervals(entries, x=y, share=share)
    seeds = [_dots(titles[p["strategy"]], [(v, titles[p["strategy"]].title) for v in p["values"]]) for p in points]
    return {"data": [*seeds, *figure["data"]], "layout": figure["layout"]}


def by_epoch(arms: Sequence[Arm], courses: Sequence[Course], *, x: str, y: str, share: bool) -> plots.Figure:
    """The mean over seeds at each epoch, and between which seeds it lies. One that stopped keeps its last value."""
    bands, curves, bounds = [], [], []
    for arm in arms:
        own = [course for course in courses if course["strategy"] == arm.name and course["values"]]
        if not own:
            continue
        at, means, lows, highs = held(own)
        bounds += [*lows, *highs]
        if len(own) > 1:
            bands.append(band(at, lows, highs, pale(arm.colour)))
        curves.append(_line(arm, at, means))
    low, high = _range(bounds, share)
    figure = _framed(curves, x=x, y=y, low=low, high=high, share=share, height=280)
    figure["xaxis"]["dtick"] = max(1, round(max((curve["x"][-1] for curve in curves), default=1) / 8))
    return {"data": [*bands, *curves], "layout": figure}


def held(courses: Sequence[Course]) -> tuple[list[float], list[float], list[float], list[float]]:
    """Epochs, and mean, least and most over the seeds; a seed that stopped keeps its last value."""
    longest = max(courses, key=lambda course: len(course["values"]))
    columns = [
        [course["values"][min(place, len(course["values"]) - 1)] for course in courses]
        for place in range(len(longest["values"]))
    ]
    means = [sum(column) / len(column) for column in columns]
    return list(longest["epochs"]), means, [min(c) for c in columns], [max(c) for c in columns]


def over_seconds(arms: Sequence[Arm], courses: Sequence[Course], *, y: str, share: bool) -> plots.Figure:
    """A thin line a training, over the seconds since it began; the longest of an arm has its name."""
    lines, named, values = [], [], []
    for arm in arms:
        own = [course for course in courses if course["strategy"] == arm.name and len(course["seconds"])]
        own.sort(key=lambda course: course["seconds"][-1])
        for course in own:
            line = _line(arm, course["seconds"], course["values"])
            line["mode"], line["opacity"] = "lines", 0.75
            line["line"]["width"] = 1.3
            line["hovertemplate"] = _(
                "{title}, seed {seed}<br>%{{x:.0f}} s: %{{y:.3g}}<extra></extra>", title=arm.title, seed=course["seed"]
            )
            lines.append(line)
            values += course["values"]
        named += lines[-1:] if own else []
    low, high = _range(values, share)
    figure = _framed(named, x=_("seconds of training"), y=y, low=low, high=high, share=share, height=280)
    return {"data": lines, "layout": figure}


# --- pieces ---------------------------------------------------------------------------------------


def pale(colour: str, alpha: float = 0.18) -> str:
    """A colour for a band behind its line: '#E8710A' -> 'rgba(232,113,10,0.18)'."""
    return f"rgba({','.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))},{alpha})"


def _line(arm: Arm, x: Sequence[float], y: Sequence[float]) -> plots.Figure:
    line = plots.line(arm.title, x, y, arm.colour, arm.dash)
    line["marker"] = {"size": 7, "symbol": arm.symbol, "color": arm.colour}
    return line


def _dots(arm: Arm, places: Sequence[tuple[Any, Any]]) -> plots.Figure:
    """One thin dot a seed."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "marker": {"size": 5, "symbol": f"{arm.symbol}-open", "color": arm.colour, "opacity": 0.6},
        "cliponaxis": False,
        "hovertemplate": _("{title}, one seed<extra></extra>", title=arm.title),
    }


def _extent(point: Point) -> list[float]:
    bounds = [point[name] for name in ("low", "high") if point.get(name) is not None]
    return [point["mean"], *point["values"], *bounds]


def _range(values: Sequence[float], share: bool) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.08 or 0.05
    if share:
        return max(low - pad, 0.0), min(high + pad, max(1.0, high))
    return low - pad, high + pad


def _framed(
    curves: list[plots.Figure], *, x: str, y: str, low: float, high: float, share: bool, height: int
) -> plots.Figure:
    figure = plots.layout(height, x, y, yaxis={"range": [low, high], "tickformat": ".0%" if share else ".3~g"})
    longest = min(LONGEST, max((len(curve["name"]) for curve in curves), default=0))
    figure["margin"]["r"] = 14 + 6.5 * longest
    figure["annotations"] = plots.end_labels(curves, low, high, height, LONGEST)
    at = [place for curve in curves for place in curve["x"]]
    first, last = min(at, default=0), max(at, default=1)
    room = 0.03 * (last - first) or 0.5
    figure["xaxis"]["range"] = [first - room, last + room]
    return figure
