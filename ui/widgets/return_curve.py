"""The return over what it cost: steps of a robot, or of its simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.contract import Metric
from engines.messages import _
from ui.page import words
from ui.widgets import plots

Figure = plots.Figure

SERIES = {
    "transfer": ("tuned", plots.TRAINED, "rgba(232,113,10,.18)", "solid"),
    "scratch": ("from scratch", plots.SCRATCH, "rgba(154,163,174,.25)", "dash"),
}
"""Title, colour, colour of the interval, dash."""


def curve(
    points: Sequence[dict[str, Any]], *, zero_shot: float | None, x: str = _("real steps"), height: int = 300
) -> Figure:
    """Mean return over what it cost, with its 95 % interval. `points` are {series, real_steps, mean, low, high};
    `zero_shot` draws the policy as it came, which takes no step."""
    data, curves = [], []
    last = max((point["real_steps"] for point in points), default=0) or 1
    for series, (title, colour, pale, dash) in SERIES.items():
        own = sorted((p for p in points if p["series"] == series), key=lambda p: p["real_steps"])
        if own:
            at = [p["real_steps"] for p in own]
            data.append(band(at, [p["low"] for p in own], [p["high"] for p in own], pale))
            line = plots.line(title, at, [p["mean"] for p in own], colour, dash)
            if series == "transfer" and zero_shot is not None and at[0] > 0:
                line["x"], line["y"] = [0, *line["x"]], [zero_shot, *line["y"]]
            line["line"]["width"], line["marker"]["size"] = 2.2, 7
            line["marker"]["symbol"] = "circle" if series == "transfer" else "square"
            line["hovertemplate"] = f"{title}<br>%{{x:,}} {x}: %{{y:,.0f}}<extra></extra>"
            curves.append(line)
    if zero_shot is not None:
        line = plots.line(_("as it came"), [0, last], [zero_shot, zero_shot], plots.PRETRAINED, "dot")
        curves.append(line | {"mode": "lines", "hovertemplate": _("as it came: %{y:,.0f}<extra></extra>")})
    values = [value for p in points for value in (p["low"], p["high"])] + ([] if zero_shot is None else [zero_shot])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.06 or 1.0
    figure = plots.layout(
        height,
        x,
        "return",
        xaxis={"range": [-0.03 * last, 1.02 * last], "tickformat": ",~d", "nticks": 6},
        yaxis={"range": [low - pad, high + pad], "tickformat": ",~g"},
    )
    figure["margin"]["r"] = 112
    figure["annotations"] = plots.end_labels(curves, low - pad, high + pad, height)
    return {"data": [*data, *curves], "layout": figure}


def band(x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> Figure:
    """An interval around a curve."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def curve_rows(points: Sequence[dict[str, Any]], metric: Metric, x: str = _("real steps")) -> plots.Rows:
    return [
        {
            "series": SERIES[p["series"]][0],
            x: p["real_steps"],
            "return": words.metric(metric, p["mean"]),
            "95 % interval": words.interval(metric, p["low"], p["high"]),
            "episodes": p.get("episodes"),
            "seeds": p.get("seeds"),
        }
        for p in points
        if p["series"] in SERIES
    ]
