"""Figures as plain dictionaries: cheap to build, transparent, and readable in both themes.

Colour has one meaning everywhere, and never stands alone: a word, a dash or a shape says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engines.messages import _

PRETRAINED = "#3B82C4"  # came with the model
TRAINED = "#E8710A"  # trained on your data
SCRATCH = "#9AA3AE"  # from scratch, and other baselines
DATA = "#8A97A6"  # what was brought, before anything learnt
MUTED = ("#8A6FA8", "#5E9AA0", "#B08A5B", "#A8667E", "#6F86B5")  # further runs, side by side
GRID = "rgba(128,128,128,.18)"
INK = "#23272E"  # text on an orange cell, in both themes

Figure = dict[str, Any]
Rows = list[dict[str, Any]]


def show(
    figure: Figure,
    key: str,
    *,
    alt: str,
    table: Callable[[], Rows] | None = None,
    pressed: Callable[[], None] | None = None,
) -> None:
    """Draw a figure; `table` gives the same numbers as rows, behind a toggle.

    `pressed` is called when a point was clicked on: it is in `st.session_state[key]["selection"]["points"]`.
    """
    if not figure["data"]:
        st.caption(_("There is nothing to draw yet."))
        return
    st.plotly_chart(
        figure,
        key=key,
        alt=alt,
        config={"displayModeBar": False, "responsive": True},
        on_select=pressed or "ignore",
        selection_mode="points",
    )
    if table and st.toggle(_("Show the numbers"), key=f"{key}_table"):
        rows(table())


def rows(table: Rows) -> None:
    """A table without an index column."""
    import pyarrow as pa

    st.dataframe(pa.Table.from_pylist(table), hide_index=True, width="stretch")


def layout(height: int, x: str, y: str, **more: object) -> Figure:
    """Axis titles carry their units; nothing can be zoomed by accident."""
    axis = {"fixedrange": True, "gridcolor": GRID, "zeroline": False, "ticks": ""}
    found: Figure = {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "xaxis": {**axis, "title": {"text": x}, "showgrid": False, "automargin": True},
        "yaxis": {**axis, "title": {"text": y}, "automargin": True},
    }
    for name, value in more.items():
        found[name] = {**found[name], **value} if isinstance(value, dict) and name in found else value
    return found


# --- curves ---------------------------------------------------------------------------------------


def line(name: str, x: Sequence[float], y: Sequence[float | None], colour: str, dash: str = "solid") -> Figure:
    """One curve for `lines`; its name is written at its end."""
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) < 40 else "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "dash": dash, "width": 2 if dash == "solid" else 1.5},
        "marker": {"size": 5},
        "cliponaxis": False,
        "hovertemplate": f"{name}<br>%{{x}}: %{{y:.3g}}<extra></extra>",
    }


def lines(
    curves: list[Figure],
    *,
    x: str,
    y: str,
    last_x: float,
    share: bool = False,
    mark: float | None = None,
    height: int = 250,
    longest: int = 14,
) -> Figure:
    """Curves with their names at their ends, of `longest` letters at most. `mark` draws a dotted line at the epoch that
    was kept."""
    values = [v for curve in curves for v in curve["y"] if v is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.08 or 0.05
    low, high = low - pad, high + pad
    if share:
        low, high = max(low, 0.0), min(high, 1.0) if max(values, default=1.0) <= 1 else high
    xaxis: Figure = {"range": [min(0.7, last_x - 0.5), last_x + 0.3], "dtick": max(1, round(last_x / 8))}
    figure = layout(height, x, y, xaxis=xaxis, yaxis={"range": [low, high], "tickformat": ".0%" if share else ".3~g"})
    figure["margin"]["r"] = 11 + 5.5 * longest
    figure["annotations"] = end_labels(curves, low, high, height, longest)
    if mark is not None:
        figure["shapes"] = [
            {
                "type": "line",
                "x0": mark,
                "x1": mark,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": SCRATCH, "dash": "dot", "width": 1},
            }
        ]
    return {"data": curves, "layout": figure}


def end_labels(curves: list[Figure], low: float, high: float, height: int, longest: int = 14) -> list[Figure]:
    """A name at each line's end, moved apart where two would overlap, and no higher than the axis."""
    ends = [(curve["x"][-1], curve["y"][-1], curve) for curve in curves if curve["x"] and curve["y"][-1] is not None]
    ends.sort(key=lambda end: end[1])
    gap = 15 * (high - low) / max(height - 60, 1)  # 15 pixels, in the axis' unit
    labels, floor = [], float("-inf")
    for x, y, curve in ends:
        place = max(y, floor + gap)
        floor = place
        labels.append(
            {
                "x": x,
                "y": place,
                "text": _short(curve["name"], longest),
                "showarrow": False,
                "xanchor": "left",
                "xshift": 7,
                "font": {"size": 12, "color": curve["line"]["color"]},
                "align": "left",
            }
        )
    ceiling = high
    for label in reversed(labels):
        label["y"] = ceiling = min(label["y"], ceiling)
        ceiling -= gap
    return labels


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


# --- bars, intervals ------------------------------------------------------------------------------


def bars(values: dict[str, float], *, x: str, colour: str, share: bool = False, strong: str | None = None) -> Figure:
    """Horizontal bars from zero, each with its number. `strong` names one bar; the others are paler."""
    names, numbers = list(values)[::-1], list(values.values())[::-1]
    top = max([*numbers, 1e-9])
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": numbers,
        "y": names,
        "text": [f"{100 * n:.0f} %" if share else f"{n:,.0f}" for n in numbers],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colour, "opacity": [1 if strong in (None, name) else 0.45 for name in names]},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    figure = layout(
        52 + 30 * len(names),
        x,
        "",
        xaxis={
            "range": [0, (1 if share else top) * 1.14],
            "tickformat": ".0%" if share else ",~d",
            "showticklabels": False,
        },
        bargap=0.35,
    )
    figure["yaxis"] |= {"showgrid": False, "type": "category"}
    return {"data": [trace], "layout": figure}


def whiskers(bounds: Sequence[tuple[float, float, float]], colour: str) -> Figure:
    """Error bars of a trace from (low, value, high) of each of its points."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value for _, value, high in bounds],
        "arrayminus": [value - low for low, value, _ in bounds],
        "thickness": 1.5,
        "width": 4,
        "color": colour,
    }


def intervals(entries: list[dict[str, Any]], *, x: str, share: bool = False) -> Figure:
    """A dot with its 95 % interval for each entry {name, value, low, high, colour, symbol}."""
    shown = entries[::-1]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [e["value"] for e in shown],
        "y": [e["name"] for e in shown],
        "error_x": whiskers([(e["low"], e["value"], e["high"]) for e in shown], SCRATCH),
        "marker": {"size": 11, "color": [e["colour"] for e in shown], "symbol": [e["symbol"] for e in shown]},
        "cliponaxis": False,
        "customdata": [[e["low"], e["high"]] for e in shown],
        "hovertemplate": _("%{y}: %{x:.3g} (%{customdata[0]:.3g} to %{customdata[1]:.3g})<extra></extra>"),
    }
    axis: Figure = {"tickformat": ".0%" if share else ".3~g", "showgrid": True}
    if share:
        axis |= {"range": [0, max([1.0, *(e["high"] for e in entries)])], "dtick": 0.25}
    figure = layout(70 + 34 * len(shown), x, "", xaxis=axis)
    figure["yaxis"] |= {"showgrid": False, "type": "category"}
    return {"data": [trace], "layout": figure}
