"""The plots of a trial on several sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.messages import _
from ui.widgets import plots
from ui.widgets.return_curve import band

PALE = {"transfer": "rgba(232,113,10,.16)", "scratch": "rgba(154,163,174,.2)"}


def start(series: str) -> str:
    return _("random weights") if series == "scratch" else _("pretrained")


def arms(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Together, in one place, from scratch, and each site alone, as `plots.intervals` has them."""
    entries = [{"name": _("Together"), "colour": plots.TRAINED, "symbol": "circle", **_bounds(found["federated"])}]
    if found["united"] == "rounds":
        sums = _bounds(found["sums"])
        entries.append({"name": _("Together, by sums"), "colour": plots.TRAINED, "symbol": "circle-open", **sums})
    central = _bounds(found["central"])
    entries.append({"name": _("All in one place"), "colour": plots.PRETRAINED, "symbol": "diamond", **central})
    if found["scratch"]:
        scratch = _bounds(found["scratch"])
        entries.append({"name": _("Together, from scratch"), "colour": plots.SCRATCH, "symbol": "x", **scratch})
    for row in found["sites"]:
        name = _("{site} alone", site=row["name"])
        entries.append({"name": name, "colour": plots.DATA, "symbol": "square", **_bounds(row["alone"])})
    return entries


def _bounds(estimate: dict[str, Any]) -> dict[str, float]:
    return {name: estimate[name] for name in ("value", "low", "high")}


def by_round(rounds: Sequence[dict[str, Any]], *, y: str, share: bool, height: int = 280) -> plots.Figure:
    """A line a start, with its 95 % interval."""
    bands, curves = [], []
    for series, colour, dash in (("transfer", plots.TRAINED, "solid"), ("scratch", plots.SCRATCH, "dot")):
        own = [row for row in rounds if row["series"] == series]
        if not own:
            continue
        at = [row["round"] for row in own]
        bands.append(band(at, [row["low"] for row in own], [row["high"] for row in own], PALE[series]))
        curves.append(plots.line(start(series), at, [row["value"] for row in own], colour, dash))
    figure = plots.layout(height, _("rounds"), y, yaxis={"tickformat": ".0%" if share else ".3~g"})
    low, high = (0.0, 1.0) if share else _range(rounds)
    figure["yaxis"]["range"] = [low, high]
    figure["margin"]["r"] = 110
    figure["annotations"] = plots.end_labels(curves, low, high, height)
    return {"data": [*bands, *curves], "layout": figure}


def _range(rounds: Sequence[dict[str, Any]]) -> tuple[float, float]:
    return min(row["low"] for row in rounds), max(row["high"] for row in rounds)


def who_has_what(found: dict[str, Any]) -> plots.Figure:
    """A cell a site and class: how many examples lie there."""
    sites, classes = found["sites"], found["classes"]
    counts = [[row["classes"].get(name, 0) for name in classes] for row in sites]
    trace = {
        "type": "heatmap",
        "x": classes,
        "y": [row["name"] for row in sites],
        "z": counts,
        "text": [[f"{n:,}" if n else "" for n in row] for row in counts] if len(classes) <= 12 else None,
        "texttemplate": "%{text}" if len(classes) <= 12 else None,
        "colorscale": [[0, "rgba(138,151,166,.08)"], [1, plots.PRETRAINED]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": _("%{y}, %{x}: %{z:,}<extra></extra>"),
    }
    figure = plots.layout(90 + 34 * len(sites), "", "", xaxis={"type": "category"})
    figure["yaxis"] |= {"type": "category", "autorange": "reversed", "showgrid": False}
    return {"data": [trace], "layout": figure}
