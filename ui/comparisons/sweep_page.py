"""The page of a sweep over the blocks that learn: how far it is, the points as they come, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engines import messages
from engines.contract import Event, State, TaskInfo
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _, _n
from engines.reporting import wording
from engines.runs import RunFolder
from ui.comparisons import figures, live, sweep, told
from ui.comparisons.found import Point
from ui.page import words
from ui.steps import watched
from ui.widgets import plots, take_home

AXIS = _("blocks that learn, counted from the head")
CAVEAT = _(
    "Scored on the examples held out to choose by; the test is never asked. After Yosinski, Clune, "
    "Bengio & Lipson 2014, “How transferable are features in deep neural networks?”"
)


def show(info: TaskInfo, run: RunFolder) -> None:
    """In place of both the Train and the Result step."""
    recipe = run.recipe
    title = f" “{words.plain(recipe.title)}”:" if recipe.title else ""
    seeds = _n("{n:,} seed", "{n:,} seeds", int(run.job.arguments.get("seeds", sweep.SEEDS)))
    st.caption(
        _(
            ":material/layers: How many blocks should learn?{title} each number of them, with {seeds}.",
            title=title,
            seeds=seeds,
        )
    )
    if run.sweep:
        _outcome(info, run)
        return

    def draw(status: JobStatus) -> None:
        events = backend().events(run.id)
        live.say(status, standing(events), "sweep")
        points = sweep.so_far(events)
        if points:
            _draw(info, points, "live_sweep_points", _("The band lies between the seeds so far."))
        elif status.state is State.RUNNING:
            st.caption(_("The first point comes with the first training."))
            st.skeleton(280)

    trouble = _("This sweep could not be looked at.")
    watched.watch(run, draw, key="live_sweep", ended=lambda: run.sweep, trouble=trouble)


def standing(events: Sequence[Event]) -> live.Standing:
    """How far the sweep is that said `events`."""
    progress = next((e.data for e in reversed(events) if e.kind == "progress" and e.data["phase"] == "sweeping"), None)
    phase = next((str(e.data.get("title") or "") for e in reversed(events) if e.kind == "phase"), "")
    if progress is None:
        return live.Standing(0.0, phase or _("Starting"))
    done, total = int(progress["done"]), int(progress["total"])
    took = [e.data["seconds"] for e in events if e.kind == "point"]
    said = [_("{done:,} of {trainings}", done=done, trainings=_n("{n:,} training", "{n:,} trainings", total))]
    if left := (total - done) * sum(took) / len(took):
        said.append(_("about {duration} left", duration=words.duration(left)))
    return live.Standing(min(done / total, 0.99), " · ".join([*said, phase] if phase else said))


def _outcome(info: TaskInfo, run: RunFolder) -> None:
    known = run.sweep
    assert known is not None
    with st.container(border=True, key="sweep"):
        st.markdown(f"### {words.plain(known['sentence'].partition('. ')[0])}.")
        st.caption(words.plain(known["sentence"].partition(". ")[2]))
        _draw(info, sweep.of_outcome(known, run.events()), "sweep_points", _("Band: 95 % interval over seeds."))
    with st.expander(_("All points"), icon=":material/table:"):
        plots.rows([_row(info, point) for point in known["points"]])
        take_home.outcome(known, "sweep.json")


def _row(info: TaskInfo, point: dict[str, float]) -> dict[str, object]:
    ahead = "–"
    if "ahead" in point:
        low, high = (words.difference(info.metric, point[name]) for name in ("ahead_low", "ahead_high"))
        ahead = _(
            "{difference} ({low} to {high})",
            difference=words.difference(info.metric, point["ahead"]),
            low=low,
            high=high,
        )
    return {
        "blocks that learn": int(point["blocks"]),
        wording.within(info.metric.title): words.metric(info.metric, point["mean"]),
        _("95 % interval"): words.interval(info.metric, point["low"], point["high"]),
        "seeds": int(point["seeds"]),
        "ahead of the frozen backbone": ahead,
    }


def _draw(info: TaskInfo, points: Sequence[Point], key: str, band: str) -> None:
    y, share = wording.within(info.metric.title), wording.is_share(info.metric)
    plots.show(
        figures.learning_curve([sweep.ARM], points, x=messages.told(AXIS), y=y, share=share),
        key,
        alt=_("{y} over the number of blocks that learn", y=y),
        table=lambda: told.by_budget(info, [sweep.ARM], points, "blocks"),
    )
    st.caption(_("A dot is one training, the line their mean. {band} {caveat}", band=band, caveat=CAVEAT))
