"""The story's plots, each drawn from a recorded run or a recorded measurement, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines import registry
from engines.messages import _
from engines.runs import RunFolder
from ui.home import curves
from ui.home.exhibits import EXHIBITS
from ui.kinds import shots
from ui.page import recorded, words
from ui.widgets import drawing, plots

PHOTOGRAPHS, FILMS, DIGITS = "recorded_photographs_0", "recorded_films_seed_00", "recorded_digits_seed_0"
COMPARED = (PHOTOGRAPHS, FILMS, "recorded_voices_seed_0")
"""Recorded runs that say how long each side took."""
ADAPTED = (PHOTOGRAPHS, FILMS, "recorded_scottish_s_00", "recorded_museum_seed_0")


def run(run_id: str) -> recorded.Finished:
    """A recorded run. Raises InputError where it is not there."""
    found = recorded.finished(RunFolder.find(run_id))
    assert found is not None
    return found


def seconds(found: recorded.Finished) -> tuple[float, float]:
    """What the run itself took, from reading the data to the tested model, and what its baseline from scratch took."""
    scratch = float(found.result.baseline_details["scratch"]["seconds"])
    return found.result.seconds - scratch, scratch


def time_taken() -> None:
    """Seconds of both sides, run by run."""
    found = [run(run_id) for run_id in COMPARED]
    names = [one.recipe.title for one in found]
    both = [seconds(one) for one in found]
    data: list[plots.Figure] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names[::-1],
            "x": values[::-1],
            "text": [words.duration(value) for value in values[::-1]],
            "textposition": "outside",
            "cliponaxis": False,
            "marker": {"color": colour},
            "hovertemplate": "%{y}: %{text}<extra></extra>",
        }
        for name, colour, values in (
            (_("from scratch"), plots.SCRATCH, [theirs for _ours, theirs in both]),
            (_("with transfer"), plots.TRAINED, [ours for ours, _theirs in both]),
        )
    ]
    layout = plots.layout(240, _("seconds"), "", bargap=0.3)
    layout["xaxis"]["range"] = [0, 1.18 * max(max(pair) for pair in both)]
    layout |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.15, "x": 0, "traceorder": "reversed"}}
    alt = "; ".join(
        _(
            "{name}: {ours} with transfer, {theirs} from scratch",
            name=name,
            ours=words.duration(a),
            theirs=words.duration(b),
        )
        for name, (a, b) in zip(names, both, strict=True)
    )
    plots.show({"data": data, "layout": layout}, "story_time", alt=alt)


def few_labels() -> None:
    """Accuracy against labels a class, of the photographs, with a frozen network."""
    sample = next((one for one in shots.recorded().get("samples", []) if one["sample"] == "photographs"), None)
    if sample is not None:
        plots.show(shots.figure(sample), "story_shots", alt=shots.told(sample), table=lambda: shots.rows(sample))
        st.markdown(_against_scratch(run(PHOTOGRAPHS)))
        st.caption(shots.about(sample, shots.recorded()))


def _against_scratch(found: recorded.Finished) -> str:
    result, metric = found.result, registry.task(found.recipe.task).info.metric
    bounds = result.baseline_details["scratch"]
    return _(
        "The same network from scratch came to {value} ({interval}), with {n} photographs to learn from.",
        value=words.metric(metric, result.baselines["scratch"]),
        interval=words.interval(metric, bounds["low"], bounds["high"]),
        n=result.n_train,
    )


def convergence() -> None:
    """How both sides of the photographs' run came up, pass by pass."""
    _curves(
        run(PHOTOGRAPHS),
        "validation_metric",
        [("transfer", _("transfer"), plots.TRAINED, "solid"), ("scratch", _("from scratch"), plots.SCRATCH, "dash")],
        "story_convergence",
    )


def by_heart() -> None:
    """The films' network from scratch, on sentences that it learnt from and on others."""
    found = run(FILMS)
    epochs = [epoch for epoch in found.epochs if epoch["series"] == "scratch"]
    sides = [("train_metric", _("known sentences"), "solid"), ("validation_metric", _("new sentences"), "dash")]
    lines = [
        plots.line(name, [e["epoch"] for e in epochs], [e[column] for e in epochs], plots.SCRATCH, dash)
        for column, name, dash in sides
    ]
    _drawn(lines, found, "story_by_heart")


def _curves(found: recorded.Finished, column: str, sides: Sequence[tuple[str, str, str, str]], key: str) -> None:
    lines = []
    for series, name, colour, dash in sides:
        own = [epoch for epoch in found.epochs if epoch["series"] == series and column in epoch]
        lines.append(plots.line(name, [e["epoch"] for e in own], [e[column] for e in own], colour, dash))
    _drawn(lines, found, key)


def _drawn(lines: list[plots.Figure], found: recorded.Finished, key: str) -> None:
    metric = registry.task(found.recipe.task).info.metric
    last = max(line["x"][-1] for line in lines)
    figure = plots.lines(
        lines, x=_("passes over the data"), y=metric.title.lower(), last_x=last, share=True, longest=18
    )
    alt = "; ".join(f"{line['name']}: {line['y'][0]:.2f} – {line['y'][-1]:.2f}" for line in lines)
    plots.show(figure, key, alt=alt, table=lambda: _rows(lines))


def _rows(lines: Sequence[plots.Figure]) -> plots.Rows:
    return [
        {"pass": x, "of": line["name"], "value": round(y, 3)}
        for line in lines
        for x, y in zip(line["x"], line["y"], strict=True)
    ]


def measured(run_id: str) -> None:
    """A recorded run beside its baselines, as bars."""
    found = run(run_id)
    metric = registry.task(found.recipe.task).info.metric
    exhibit = next(one for one in EXHIBITS if one.run == run_id)
    drawing.draw(curves.bars(curves.of(found, exhibit.bars), curves.top(metric)), key=f"story_{exhibit.name}")


def learning_parameters() -> plots.Rows:
    """How much of each recorded run's network learnt."""
    rows: list[dict[str, Any]] = []
    for found in map(run, ADAPTED):
        result, info = found.result, registry.task(found.recipe.task).info
        rows.append(
            {
                _("run"): found.recipe.title,
                _("how"): words.strategy(info, result.strategy),
                _("numbers that learn"): f"{result.trainable_parameters:,}",
                _("of all"): words.parameters(result.parameters),
                _("share"): f"{100 * result.trainable_parameters / result.parameters:.2g} %",
            }
        )
    return rows
