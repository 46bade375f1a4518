"""Figures of a classifier's test: the confusion matrix and the reliability diagram."""

from __future__ import annotations

from engines.messages import _
from ui.widgets.plots import DATA, INK, SCRATCH, TRAINED, Figure, Rows, layout, whiskers


def confusion(
    classes: list[str], counts: list[list[int]], *, unit: str, chosen: tuple[str | None, str | None] = (None, None)
) -> Figure:
    """Rows are true classes, columns predicted ones, shades by row. Cells without an example stay empty,
    so that text stands on the page itself or on orange, and is readable in both themes. The `chosen` cell, row or
    column has a frame. Point i of the trace that can be clicked is the cell (i // classes, i % classes)."""
    totals = [max(sum(row), 1) for row in counts]
    shades = [[n / total if n else None for n in row] for row, total in zip(counts, totals, strict=True)]
    n = len(classes)
    heat = {
        "type": "heatmap",
        "x": classes,
        "y": classes,
        "z": shades,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "#F5CFA6"], [1, TRAINED]],
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "hoverinfo": "skip",
    }
    unseen = {"marker": {"opacity": 0}}
    cells = {  # Plotly tells clicks on markers only
        "type": "scatter",
        "mode": "markers",
        "x": classes * n,
        "y": [row for row in classes for _ in classes],
        "marker": {"opacity": 0, "size": 24, "symbol": "square"},
        "selected": unseen,
        "unselected": unseen,
        "customdata": [count for row in counts for count in row],
        "hovertemplate": f"true %{{y}}, predicted %{{x}}: %{{customdata}} {unit}<extra></extra>",
    }
    labels = (
        []
        if n > 12
        else [
            {
                "x": column,
                "y": row,
                "text": str(count) if count else "·",
                "showarrow": False,
                "font": {"size": 13, **({"color": INK} if count else {})},
            }
            for row, line_ in zip(classes, counts, strict=True)
            for column, count in zip(classes, line_, strict=True)
        ]
    )
    figure = layout(110 + min(38 * n, 420), "predicted", "true", annotations=labels, hoverdistance=-1)
    figure["yaxis"] |= {"range": [n - 0.5, -0.5], "type": "category", "showgrid": False}
    figure["xaxis"] |= {"range": [-0.5, n - 0.5], "type": "category"}
    figure["xaxis"]["tickangle"] = 0 if n * max(map(len, classes)) < 48 else -45
    if any(chosen):
        (top, bottom), (left, right) = ((classes.index(c),) * 2 if c else (0, n - 1) for c in chosen)
        figure["shapes"] = [
            {
                "type": "rect",
                "x0": left - 0.5,
                "x1": right + 0.5,
                "y0": top - 0.5,
                "y1": bottom + 0.5,
                "line": {"color": "rgb(128,128,128)", "width": 2.5},
            }
        ]
    return {"data": [heat, cells], "layout": figure}


def reliability(now: Rows, before: Rows | None, *, unit: str) -> Figure:
    """Share right over mean confidence, one point a bin {from, to, n, confidence, correct, low, high}, with how many
    examples each bin holds below."""
    data: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"color": SCRATCH, "dash": "dot", "width": 1.5},
            "hoverinfo": "skip",
        }
    ]
    if before:
        data.append(
            _points(before, _("before scaling"), unit) | {"marker": {"size": 9, "color": SCRATCH, "symbol": 102}}
        )
    data.append(
        _points(now, "now", unit)
        | {
            "marker": {"size": 10, "color": TRAINED},
            "error_y": whiskers([(b["low"], b["correct"], b["high"]) for b in now], TRAINED),
        }
    )
    data.append(
        {
            "type": "bar",
            "x": [(b["from"] + b["to"]) / 2 for b in now],
            "y": [b["n"] for b in now],
            "width": [0.9 * (b["to"] - b["from"]) for b in now],
            "yaxis": "y2",
            "marker": {"color": DATA},
            "text": [f"{b['n']:,}" for b in now],
            "textposition": "outside",
            "cliponaxis": False,
            "hoverinfo": "skip",
        }
    )
    most = max((b["n"] for b in now), default=1)
    shares: Figure = {"range": [-0.02, 1.04], "tickformat": ".0%", "showgrid": True}
    figure = layout(340, _("how sure it was"), _("share right"), xaxis=shares, yaxis=shares | {"domain": [0.28, 1]})
    figure["xaxis"]["anchor"] = "y2"
    figure["yaxis2"] = {**figure["yaxis"], "title": {"text": ""}, "domain": [0, 0.2], "range": [0, 1.3 * most]}
    figure["yaxis2"] |= {"showgrid": False, "showticklabels": False}
    return {"data": data, "layout": figure}


def _points(bins: Rows, name: str, unit: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [b["confidence"] for b in bins],
        "y": [b["correct"] for b in bins],
        "customdata": [b["n"] for b in bins],
        "cliponaxis": False,
        "hovertemplate": _(
            "{name}: %{{x:.0%}} sure, %{{y:.0%}} right, %{{customdata}} {unit}<extra></extra>", name=name, unit=unit
        ),
    }
