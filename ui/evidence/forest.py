"""Differences with their intervals, one below the other (a forest plot), and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from engines import registry
from engines.contract import Metric
from engines.evidence.verdict import POINTS
from engines.messages import _, told
from engines.reporting import wording
from engines.reporting.collected import Line
from ui.page import frame
from ui.widgets import plots

MARKS = {
    "pays": ("#2E8B57", "triangle-right", "pays"),
    "hurts": ("#C0392B", "triangle-left", "hurts"),
    "no_difference": ("#8A97A6", "square", _("no difference worth having")),
    "undecided": ("#B08A5B", "diamond", "undecided"),
    "two networks": ("#3B82C4", "circle-open", "two networks"),
}
"""Colour, shape and name of each word."""
NETWORKS = _(
    "Two networks: one seed each, or judged before intervals covered seeds. They say which of two networks "
    "is better, not which way of training is: that takes more seeds."
)
LONGEST = 16
"""Characters of a name beside the plot: a phone has no room for more, and the table says it whole."""


def show(domain: str, lines: Sequence[Line]) -> None:
    """A domain's comparisons, one plot for each metric: first ways of training, then pairs of networks."""
    st.subheader(registry.domains()[domain].title, anchor=False)
    for of_training in (True, False):
        found = [line for line in lines if line.of_training == of_training]
        metrics = dict.fromkeys((line.task, line.metric) for line in found)
        for task, metric in metrics:
            _card(task, metric, [line for line in found if (line.task, line.metric) == (task, metric)], of_training)


def _card(task: str, metric: Metric, lines: Sequence[Line], of_training: bool) -> None:
    what = _("ways of training, over several seeds") if of_training else "two networks"
    title = f"{registry.task(task).info.title}, {wording.within(metric.title)}: {what}"
    with frame.card(title, key=f"forest_{task}_{metric.name}_{'training' if of_training else 'networks'}"):
        plot, table = st.columns([4, 5])
        with plot:
            key = f"forest_plot_{task}_{metric.name}_{of_training}"
            plots.show(
                figure(metric, lines), key, alt="; ".join(said(number, line) for number, line in _numbered(lines))
            )
            st.caption(_legend(metric, lines))
        with table:
            plots.rows([row(number, line) for number, line in _numbered(lines)])


def _numbered(lines: Sequence[Line]) -> list[tuple[int, Line]]:
    return list(enumerate(lines, 1))


def figure(metric: Metric, lines: Sequence[Line]) -> plots.Figure:
    """Each difference with its interval, in points where the metric is a share; zero is marked."""
    scale = 100 if wording.is_share(metric) else 1
    data = []
    numbered, labels = _numbered(lines), _labels(lines)
    for word, (colour, symbol, name) in told(MARKS).items():
        own = [(number, line) for number, line in numbered if line.word == word]
        if not own:
            continue
        bounds = [_ends(line, scale) for _, line in own]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [value for _, value, _ in bounds],
                "y": [labels[number - 1] for number, _ in own],
                "error_x": plots.whiskers(bounds, colour),
                "marker": {"size": 12, "color": colour, "symbol": symbol},
                "cliponaxis": False,
                "customdata": [[low, high] for low, _, high in bounds],
                "hovertemplate": _(
                    "%{{y}}: %{{x:+.3g}} (%{{customdata[0]:+.3g}} to %{{customdata[1]:+.3g}}), {name}<extra></extra>",
                    name=name,
                ),
            }
        )
    better = "right" if metric.higher_is_better else _("left")
    unit = "points" if scale == 100 else "difference"
    found = plots.layout(90 + 34 * len(lines), _("{unit}, {better} is better", unit=unit, better=better), "")
    found["xaxis"] |= {"tickformat": "+,.4~g", "showgrid": True, "nticks": 5}
    found["yaxis"] |= {"showgrid": False, "type": "category", "categoryorder": "array", "categoryarray": labels[::-1]}
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"}
    found["shapes"] = [zero | {"line": {"color": plots.SCRATCH, "dash": "dot", "width": 1}}]
    if wording.is_share(metric):
        band = {"type": "rect", "x0": -100 * POINTS, "x1": 100 * POINTS, "y0": 0, "y1": 1, "yref": "paper"}
        found["shapes"].append(band | {"fillcolor": plots.GRID, "line": {"width": 0}, "layer": "below"})
    return {"data": data, "layout": found}


def _ends(line: Line, scale: float) -> tuple[float, float, float]:
    d = line.verdict.difference
    return scale * d.low, scale * d.value, scale * d.high


def _labels(lines: Sequence[Line]) -> list[str]:
    """What stands beside each, by its number in the table: the run, or what it is against where all are of one run."""
    one_run = len({line.run for line in lines}) == 1
    names = [wording.other(line.verdict) if one_run else line.title for line in lines]
    short = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    return [f"{number} · {escape(name)}" for number, name in enumerate(short, 1)]  # Plotly reads a few tags


def _legend(metric: Metric, lines: Sequence[Line]) -> str:
    shapes = {"triangle-right": "▶", "triangle-left": "◀", "square": "■", "diamond": "◆", "circle-open": "○"}
    words_said = [word for word in MARKS if any(line.word == word for line in lines)]
    band = [_("grey: less than {points:.0f} points", points=100 * POINTS)] if wording.is_share(metric) else []
    marks = [f"{shapes[told(MARKS)[word][1]]} {told(MARKS)[word][2]}" for word in words_said]
    looked = _(", 98.3 % of comparisons that looked after each seed") if any(line.of_training for line in lines) else ""
    return " · ".join([*marks, _("bars: 95 % intervals{looked}", looked=looked), *band])


def said(number: int, line: Line) -> str:
    """The line in words, for whoever does not see the plot."""
    value, between = line.difference
    return _(
        "{number}: {title}, {value} ({between}) against {other}: {marks}",
        number=number,
        title=line.title,
        value=value,
        between=between,
        other=wording.other(line.verdict),
        marks=told(MARKS)[line.word][2],
    )


def row(number: int, line: Line) -> dict[str, object]:
    value, between = line.difference
    d, verdict = line.verdict.difference, line.verdict
    return {
        "no.": number,
        "difference": value,
        "interval": between,
        "said": told(MARKS)[line.word][2] if line.of_training else told(wording.SAID)[verdict.side],
        "against": wording.other(verdict),
        "run": line.title,
        "test examples": d.n,
        "seeds": d.seeds,
        "shows from": line.shows,
    }
