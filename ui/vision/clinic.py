"""Scans and pictures of patients: that the model is no medical device, and what a clinic asks of such a test."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import TaskInfo
from engines.messages import _, told
from engines.reporting import diagnosis
from ui.page import frame, recorded, words
from ui.page.draft import Draft
from ui.steps import data, result
from ui.widgets import plots
from ui.widgets.plots import SCRATCH, TRAINED, Figure

HEIGHT = 280
BAND = "rgba(232,113,10,.18)"


def found(draft: Draft, report: dict[str, Any]) -> None:
    """What the data step draws of pictures, below what is to be known of clinical ones."""
    notice((report.get("details") or {}).get("notice", ""))
    data.pictures(draft, report)


def show(found: recorded.Finished) -> None:
    """The result step of vision."""
    notice(found.result.details.get("notice", ""))
    result.show(found, camera=True)
    if found.result.details.get("clinic"):
        info = registry.task(found.recipe.task).info
        with frame.card(_("For a clinic"), help=_("What is asked of a test that looks for one thing.")):
            st.fragment(_clinic)(info, found)


def notice(said: str) -> None:
    if said:
        st.warning(words.plain(said), icon=":material/medical_information:")


def _clinic(info: TaskInfo, found: recorded.Finished) -> None:
    """Shares at the threshold, the curves behind it, and whether acting on it would do more good than harm."""
    measured = found.result.details["clinic"]
    numbers, shares = measured["operating"], told(diagnosis.SHARES)
    with st.container(horizontal=True):
        _number(_("Area under ROC"), measured["auroc"])
        for name, title in (("sensitivity", _("Sensitivity")), ("specificity", _("Specificity"))):
            _number(title, numbers[name], shares[name])
    for sentence in diagnosis.sentences(found.result):
        st.caption(words.plain(sentence))
    left, right = st.columns(2)
    with left:
        _curve(
            measured["roc"],
            "roc",
            x=_("of the well, said to be ill"),
            y=_("of the ill, found"),
            beside=([0.0, 1.0], [0.0, 1.0]),
        )
        st.caption(_("ROC curve, with 95 % interval over patients · dotted: by chance"))
    with right:
        share = measured["n_ill"] / measured["n"]
        _curve(
            measured["precision_recall"],
            "precision_recall",
            x=_("of the ill, found"),
            y=_("of those said to be ill, the ill"),
            beside=([0.0, 1.0], [share, share]),
        )
        st.caption(
            _(
                "Precision and recall, average {value} · dotted: by chance, {share} of the {unit} are ill",
                value=words.metric("accuracy", measured["average_precision"]["value"]),
                share=words.metric("accuracy", share),
                unit=info.unit,
            )
        )
    _decision(measured["decision"])


def _number(title: str, measured: dict[str, Any] | None, help: str | None = None) -> None:
    if measured is None:
        return
    with st.container(width=result.NUMBER, gap=None):
        st.metric(title, words.metric("accuracy", measured["value"]), help=help)
        st.caption(
            _("{interval}, 95 % interval", interval=words.interval("accuracy", measured["low"], measured["high"]))
        )


def _curve(points: plots.Rows, key: str, *, x: str, y: str, beside: tuple[list[float], list[float]]) -> None:
    at = [point["x"] for point in points]
    curves = [*_band(at, points), plots.line(y, at, [point["value"] for point in points], TRAINED)]
    curves.append(plots.line(_("by chance"), *beside, SCRATCH, "dot"))
    share = {"range": [-0.02, 1.02], "tickformat": ".0%"}
    figure: Figure = {"data": curves, "layout": plots.layout(HEIGHT, x, y, xaxis=share, yaxis=share)}
    plots.show(figure, key, alt=_alt(x, y, points), table=lambda: _rows(x, y, points))


def _decision(points: plots.Rows) -> None:
    """The decision curve: net benefit over the probability from which one would act."""
    at = [point["risk"] for point in points]
    top = max(point["high"] for point in points)
    curves = [*_band(at, points), plots.line(_("this model"), at, [point["value"] for point in points], TRAINED)]
    curves.append(plots.line(_("act on everybody"), at, [point["everybody"] for point in points], SCRATCH, "dash"))
    curves.append(plots.line(_("act on nobody"), [0.0, 1.0], [0.0, 0.0], SCRATCH, "dot"))
    x, y = _("probability from which one would act"), _("net benefit a picture")
    figure: Figure = {
        "data": curves,
        "layout": plots.layout(
            HEIGHT, x, y, xaxis={"range": [0, 1], "tickformat": ".0%"}, yaxis={"range": [-0.15 * top - 0.02, 1.1 * top]}
        ),
    }
    rows = [point | {"x": point["risk"]} for point in points]
    plots.show(figure, "decision", alt=_alt(x, y, rows), table=lambda: _rows(x, y, rows))
    st.caption(
        _(
            "Decision curve (Vickers & Elkin 2006): the ill who are found, less the well who are troubled, these "
            "weighed by how much one minds. Orange: this model, with 95 % interval; dashed: act on everybody; dotted: "
            "on nobody. Acting on its percentages makes sense where orange lies above both."
        )
    )


def _band(at: list[float], points: plots.Rows) -> list[Figure]:
    shared: Figure = {"type": "scatter", "mode": "lines", "x": at, "line": {"width": 0}, "hoverinfo": "skip"}
    low, high = ([point[end] for point in points] for end in ("low", "high"))
    return [shared | {"y": low}, shared | {"y": high, "fill": "tonexty", "fillcolor": BAND}]


def _alt(x: str, y: str, points: plots.Rows) -> str:
    some = points[:: max(1, len(points) // 5)]
    return f"{y} / {x}: " + "; ".join(f"{point['x']:.2f}: {point['value']:.2f}" for point in some)


def _rows(x: str, y: str, points: plots.Rows) -> plots.Rows:
    return [
        {x: round(p["x"], 3), y: round(p["value"], 3), "95 % interval": f"{p['low']:.3f} – {p['high']:.3f}"}
        for p in points
    ]
