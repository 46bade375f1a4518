"""Figures of control: the return over real steps, episode by episode, over the physics; what a policy looks at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engines.messages import _
from ui.widgets import plots

Figure = plots.Figure

MOST_NUMBERED = 8  # columns of a map whose cells have room for their numbers

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
                "type": "scatter",
                "mode": "markers",
                "x": values,
                "y": spread,
                "customdata": seeds,
                "marker": {"size": 6, "color": colour, "opacity": 0.4},
                "hovertemplate": f"{title}, seed %{{customdata}}: %{{x:,.0f}}<extra></extra>",
            }
        )
        if name in means:
            low, mean, high = means[name]
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [mean],
                    "y": [place + 0.14],
                    "error_x": plots.whiskers([(low, mean, high)], colour),
                    "marker": {"size": 11, "color": colour, "symbol": symbol},
                    "hovertemplate": _(
                        "{title}: %{{x:,.0f}} ({low:,.0f} to {high:,.0f})<extra></extra>",
                        title=title,
                        low=low,
                        high=high,
                    ),
                }
            )
    figure = plots.layout(
        80 + 62 * len(shown), _("return of an episode"), "", xaxis={"tickformat": ",~g", "showgrid": True}
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
    places = [
        [_place(value, of) for value, of in zip(found[name], (xs, ys), strict=True)] for name in ("source", "target")
    ]
    heat = {
        "type": "heatmap",
        "x": list(range(len(xs))),
        "y": list(range(len(ys))),
        "z": z,
        "colorscale": [[0, "#FBE7CF"], [1, plots.TRAINED]],
        **dict(zip(("zmin", "zmax"), found.get("shades", ()), strict=False)),
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "customdata": [[[x, y] for x in xs] for y in ys],
        "hovertemplate": f"{titles[0]} %{{customdata[0]:.3g}}, {titles[1]} %{{customdata[1]:.3g}}: %{{z:,.0f}}"
        "<extra></extra>",
    }
    marks = [
        _mark(
            "simulator", places[0], found["source"], plots.PRETRAINED, "circle", _side(places[0], places[1], len(xs))
        ),
        _mark(
            "your robot", places[1], found["target"], plots.INK, "star-diamond", _side(places[1], places[0], len(xs))
        ),
    ]
    taken = {cell for place, other in (places, places[::-1]) for cell in _covered(place, _side(place, other, len(xs)))}
    labels = [
        {
            "x": x,
            "y": y,
            "text": f"{value:,.0f}".replace("-", "−"),
            "showarrow": False,
            "font": {"size": 11, "color": plots.INK},
        }
        for y, row in enumerate(z)
        for x, value in enumerate(row)
        if value is not None and len(xs) <= MOST_NUMBERED and (x, y) not in taken
    ]
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


LABEL = 1.3
"""Columns of the map that a mark's label reaches over."""
NEAR = 0.36
"""Rows of the map between a label and a number that it touches."""
AWAY = {"middle right": 1, "middle left": -1}


def _side(place: Sequence[float], other: Sequence[float], columns: int) -> str:
    """On which side of a mark its label stands: where there is room, and away from the other mark."""
    wanted = "middle left" if other[0] > place[0] else "middle right"
    if place[0] + LABEL > columns - 0.5:
        return "middle left"
    return "middle right" if place[0] - LABEL < -0.5 else wanted


def _covered(place: Sequence[float], side: str) -> set[tuple[int, int]]:
    """The cells (column, row) whose numbers would lie below a mark or its label."""
    left, right = sorted((place[0] - 0.35 * AWAY[side], place[0] + (LABEL + 0.2) * AWAY[side]))
    column, row = math.floor(place[0]), math.floor(place[1])
    near = range(column - 2, column + 4)
    return {(x, y) for x in near for y in (row, row + 1) if left < x < right and abs(place[1] - y) < NEAR}


def _mark(name: str, place: Sequence[float], values: Sequence[float], colour: str, symbol: str, side: str) -> Figure:
    """A point on the map, its name beside it, readable on every shade; `values` are what it stands for."""
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [place[0]],
        "y": [place[1]],
        "text": [f" <b>{name}</b> "],
        "textposition": side,
        "textfont": {"size": 12, "color": plots.INK},
        "marker": {"size": 14, "color": colour, "symbol": symbol, "line": {"color": "#fff", "width": 1.5}},
        "cliponaxis": False,
        "hovertemplate": f"{name}: {values[0]:.3g}, {values[1]:.3g}<extra></extra>",
    }


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
    figure = plots.layout(340, "step", _("what it saw"), showlegend=True)
    figure["yaxis"] |= {"domain": [0.38, 1]}
    figure["yaxis2"] = {**figure["yaxis"], "domain": [0, 0.3], "anchor": "x", "title": {"text": _("what it did")}}
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
