"""The map: what a frozen network takes for alike lies together; a point that is clicked on is shown."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.messages import _
from ui.unlabelled import example
from ui.unlabelled.desk import Desk, labels_of
from ui.unlabelled.found import Found
from ui.widgets import plots

KEY = "unlabelled_map"
CHOSEN = "unlabelled_chosen"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
AXES = {"t-SNE": ("x", "y"), "PCA": ("pca_x", "pca_y")}


def show(desk: Desk, found: Found) -> None:
    left, right = st.columns(2)
    layout = left.segmented_control(
        _("Laid out by"), list(AXES), default="t-SNE", required=True, key="unlabelled_layout"
    )
    labels = labels_of(desk, found.by_id)
    by = "groups"
    if labels:
        options = ["groups", "labels"]
        by = (
            right.segmented_control(_("Coloured by"), options, default=by, required=True, key="unlabelled_colours")
            or by
        )
    names = _names(found, labels, by)
    figure = drawn(found, names, AXES[layout or "t-SNE"])
    plots.show(
        figure,
        KEY,
        alt=_("A map of {n:,} {unit} in {set} {by}.", n=found.n, unit=desk.unit, set=len(set(names)), by=by),
        table=lambda: _rows(found, names),
        pressed=_pressed,
    )
    st.caption(
        _(
            "What the network takes for alike lies together. Of t-SNE, neither how far apart heaps lie nor "
            "how large they are means anything. Click on a point, or choose below, to see what it is."
        )
    )
    position = st.selectbox(
        _("Show"),
        range(found.n),
        index=None,
        format_func=found.title,
        placeholder=_("one of the {n:,}", n=found.n),
        key=CHOSEN,
    )
    if position is not None and position < found.n:
        with st.container(border=True):
            example.one(found, position)
            own = labels.get(found.ids[position])
            said = _("labelled {own}", own=own) if own else "not labelled"
            st.caption(
                _(
                    "{found} · group {cluster} · {said}",
                    found=found.title(position),
                    cluster=found.columns["cluster"][position] + 1,
                    said=said,
                )
            )


def drawn(found: Found, names: list[str], axes: tuple[str, str]) -> plots.Figure:
    """A trace a group or class, with its own colour and shape, and its name in its middle."""
    traces, notes = [], []
    for number, name in enumerate(dict.fromkeys(sorted(names, key=_numbered))):
        own = [i for i, other in enumerate(names) if other == name]
        x, y = ([found.columns[axis][i] for i in own] for axis in axes)
        nobody = name == "not labelled"
        traces.append(
            {
                "type": "scattergl" if found.n > 1000 else "scatter",
                "mode": "markers",
                "name": name,
                "x": x,
                "y": y,
                "customdata": own,
                "text": [found.title(i) for i in own],
                "hovertemplate": "%{text}<br>" + name + "<extra></extra>",
                "marker": {
                    "size": 8,
                    "opacity": 0.35 if nobody else 0.85,
                    "color": plots.SCRATCH if nobody else plots.MUTED[number % len(plots.MUTED)],
                    "symbol": "circle" if nobody else SYMBOLS[number % len(SYMBOLS)],
                },
            }
        )
        if not nobody:
            middle = sorted(x)[len(x) // 2], sorted(y)[len(y) // 2]
            notes.append({"x": middle[0], "y": middle[1], "text": f"<b>{name}</b>", "showarrow": False})
    figure = plots.layout(420, "", "", annotations=notes)
    for axis in ("xaxis", "yaxis"):
        figure[axis] |= {"showticklabels": False, "showgrid": False}
    return {"data": traces, "layout": figure}


def _pressed() -> None:
    points = st.session_state[KEY]["selection"]["points"]
    if points:
        found: Any = points[0].get("customdata")
        st.session_state[CHOSEN] = int(found[0] if isinstance(found, list) else found)


def _names(found: Found, labels: dict[str, str], by: str) -> list[str]:
    if by == "labels":
        return [labels.get(own, "not labelled") for own in found.ids]
    return [_("group {number}", number=number + 1) for number in found.columns["cluster"]]


def _numbered(name: str) -> tuple[int, str]:
    number = name.rpartition(" ")[2]
    return (int(number) if number.isdecimal() else 0), name


def _rows(found: Found, names: list[str]) -> plots.Rows:
    columns = found.columns
    return [
        {
            "example": found.title(i),
            "shown as": names[i],
            "x": columns["x"][i],
            "y": columns["y"][i],
            "distance to others": columns["outlier"][i],
        }
        for i in range(found.n)
    ]
