"""Figures of control: the return over real steps, episode by episode, over the physics; what a policy looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ui import plots, words

Figure = plots.Figure

MOST_NUMBERED = 8  # columns of a map whose cells have room for their numbers

SERIES = {
    "transfer": ("tuned", plots.TRAINED, "rgba(232,113,10,.18)", "solid"),
    "scratch": ("from scratch", plots.SCRATCH, "rgba(154,163,174,.25)", "dash"),
}
"""Title, colour, colour of the interval, dash."""


# --- learning -------------------------------------------------------------------------------------


def curve(
    points: Sequence[dict[str, Any]], *, zero_shot: float | None, x: str = "real steps", height: int = 300
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
        line = plots.line("as it came", [0, last], [zero_shot, zero_shot], plots.PRETRAINED, "dot")
        curves.append(line | {"mode": "lines", "hovertemplate": "as it came: %{y:,.0f}<extra></extra>"})
    values = [value for p in points for value in (p["low"], p["high"])] + ([] if zero_shot is None else [zero_shot])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.06 or 1.0
    figure = plots.layout(
        height, x, "return", xaxis={"range": [-0.03 * last, 1.02 * last], "tickformat": ",~d", "nticks": 6},
        yaxis={"range": [low - pad, high + pad], "tickformat": ",~g"},
    )  # fmt: skip
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


def curve_rows(points: Sequence[dict[str, Any]], metric: str, x: str = "real steps") -> plots.Rows:
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


# --- episodes -------------------------------------------------------------------------------------

ROWS = (
    ("before", "as it came", plots.PRETRAINED, "circle"),
    ("after", "tuned", plots.TRAINED, "diamond"),
    ("scratch", "from scratch", plots.SCRATCH, "square"),
)


def episodes(returns: dict[str, list[list[float]]], means: dict[str, tuple[float, float, float]]) -> Figure:
    """Every episode as a dot, and above them the mean with its interval. `returns` holds lists a seed, `means` (low,
    mean, high), both by what was judged."""
    data: list[Figure] = []
    shown = [row for row in ROWS if returns.get(row[0])]
    for place, (name, title, colour, symbol) in enumerate(reversed(shown)):
        values = [value for seed in returns[name] for value in seed]
        spread = [place - 0.12 - 0.16 * ((i * 0.618) % 1) for i in range(len(values))]
        seeds = [number for number, seed in enumerate(returns[name]) for _ in seed]
        data.append(
            {
                "type": "scatter", "mode": "markers", "x": values, "y": spread, "customdata": seeds,
                "marker": {"size": 6, "color": colour, "opacity": 0.4},
                "hovertemplate": f"{title}, seed %{{customdata}}: %{{x:,.0f}}<extra></extra>",
            }
        )  # fmt: skip
        if name in means:
            low, mean, high = means[name]
            data.append(
                {
                    "type": "scatter", "mode": "markers", "x": [mean], "y": [place + 0.14],
                    "error_x": plots.whiskers([(low, mean, high)], colour),
                    "marker": {"size": 11, "color": colour, "symbol": symbol},
                    "hovertemplate": f"{title}: %{{x:,.0f}} ({low:,.0f} to {high:,.0f})<extra></extra>",
                }
            )  # fmt: skip
    figure = plots.layout(
        80 + 62 * len(shown), "return of an episode", "", xaxis={"tickformat": ",~g", "showgrid": True}
    )
    figure["yaxis"] |= {
        "showgrid": False,
        "tickvals": list(range(len(shown))),
        "ticktext": [title for _, title, _, _ in reversed(shown)],
        "range": [-0.45, len(shown) - 0.55],
    }
    return {"data": data, "layout": figure}


# --- physics --------------------------------------------------------------------------------------


def sensitivity(found: dict[str, Any], titles: tuple[str, str]) -> Figure:
    """Return over two physical values, pale is little; the simulator and the real robot are marked. `found` has xs,
    ys, z (a row each y), source and target (each [x, y]), and perhaps shades: the returns of palest and strongest."""
    xs, ys, z = found["xs"], found["ys"], found["z"]
    places = [[_place(value, of) for value, of in zip(found[name], (xs, ys), strict=True)]
              for name in ("source", "target")]  # fmt: skip
    heat = {
        "type": "heatmap", "x": list(range(len(xs))), "y": list(range(len(ys))), "z": z,
        "colorscale": [[0, "#FBE7CF"], [1, plots.TRAINED]],
        **dict(zip(("zmin", "zmax"), found.get("shades", ()), strict=False)),
        "showscale": False, "xgap": 2, "ygap": 2,
        "customdata": [[[x, y] for x in xs] for y in ys],
        "hovertemplate": f"{titles[0]} %{{customdata[0]:.3g}}, {titles[1]} %{{customdata[1]:.3g}}: %{{z:,.0f}}"
        "<extra></extra>",
    }  # fmt: skip
    marks = [
        _mark("simulator", places[0], found["source"], plots.PRETRAINED, "circle"),
        _mark("your robot", places[1], found["target"], plots.INK, "star-diamond"),
    ]
    taken = {(round(x), round(y)) for x, y in places}
    labels = [
        {
            "x": x, "y": y, "text": f"{value:,.0f}".replace("-", "−"), "showarrow": False,
            "font": {"size": 11, "color": plots.INK},
        }
        for y, row in enumerate(z)
        for x, value in enumerate(row)
        if value is not None and len(xs) <= MOST_NUMBERED and (x, y) not in taken
    ]  # fmt: skip
    figure = plots.layout(120 + 40 * len(ys), *titles, annotations=labels)
    for name, values in (("xaxis", xs), ("yaxis", ys)):
        ticks = {"tickvals": list(range(len(values))), "ticktext": [f"{value:.3g}" for value in values]}
        figure[name] |= {"showgrid": False, "range": [-0.5, len(values) - 0.5], **ticks}
    return {"data": [heat, *marks], "layout": figure}


def _place(value: float, grid: Sequence[float]) -> float:
    """Where a value lies on a grid whose cells are drawn equally wide: 1.5 is halfway between the second and third."""
    after = next((i for i, edge in enumerate(grid) if edge >= value), len(grid) - 1)
    if after == 0 or grid[after] == value or value > grid[-1]:
        return float(after)
    return after - (grid[after] - value) / (grid[after] - grid[after - 1])


def _mark(name: str, place: Sequence[float], values: Sequence[float], colour: str, symbol: str) -> Figure:
    """A point on the map, readable on every shade; `values` are what it stands for."""
    return {
        "type": "scatter", "mode": "markers+text", "x": [place[0]], "y": [place[1]], "text": [f"<b>{name}</b>"],
        "textposition": "top center", "textfont": {"size": 12, "color": plots.INK},
        "marker": {"size": 14, "color": colour, "symbol": symbol, "line": {"color": "#fff", "width": 1.5}},
        "cliponaxis": False, "hovertemplate": f"{name}: {values[0]:.3g}, {values[1]:.3g}<extra></extra>",
    }  # fmt: skip


def sensitivity_rows(found: dict[str, Any], titles: tuple[str, str]) -> plots.Rows:
    return [
        {titles[0]: x, titles[1]: y, "return": value}
        for y, row in zip(found["ys"], found["z"], strict=True)
        for x, value in zip(found["xs"], row, strict=True)
    ]


# --- logs -----------------------------------------------------------------------------------------


def episode(first: dict[str, Any]) -> Figure:
    """What the robot saw, and below it what it did, step by step; `first` has observations and actions by name."""
    seen, done = first["observations"], first["actions"]
    figure = plots.layout(340, "step", "what it saw", showlegend=True)
    figure["yaxis"] |= {"domain": [0.38, 1]}
    figure["yaxis2"] = {**figure["yaxis"], "domain": [0, 0.3], "anchor": "x", "title": {"text": "what it did"}}
    figure["xaxis"] |= {"anchor": "y2"}
    figure["legend"] = {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "font": {"size": 12}}
    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    data = []
    for axis, values, colours in (("y", seen, plots.MUTED), ("y2", done, (plots.DATA,))):
        for number, (name, line) in enumerate(list(values.items())[:5]):
            drawn = plots.line(name, range(len(line)), line, colours[number % len(colours)], dashes[number])
            data.append(drawn | {"mode": "lines", "yaxis": axis})
    return {"data": data, "layout": figure}


def episode_rows(first: dict[str, Any]) -> plots.Rows:
    columns = {**first["observations"], **first["actions"]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
