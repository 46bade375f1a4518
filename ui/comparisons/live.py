"""A comparison while it goes on, or when it stopped before its end: how far it is, and the points that have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from engines.contract import Event, State, TaskInfo
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _, _n
from engines.reporting import wording
from engines.runs import RunFolder
from ui.comparisons import figures, found, told
from ui.page import words
from ui.steps import train
from ui.widgets import plots


@dataclass(frozen=True)
class Standing:
    """How far a comparison is."""

    share: float
    text: str
    """'5 of 12 trainings · at most 2 min left · Training the head'"""


def show(info: TaskInfo, run: RunFolder, status: JobStatus) -> None:
    """Everything, as it stands now."""
    events = backend().events(run.id)
    say(status, standing(events))
    asked = found.asked(run)
    if look := _last(events, "look"):
        st.markdown(f":material/visibility: {told.look(info.metric, look.data, asked.seeds)}")
    points = found.so_far(events)
    if not points:
        if status.state is State.RUNNING:
            st.caption(_("The first point comes with the first training."))
            st.skeleton(280)
        return
    told_last = _last(events, "point")
    arms, unit = found.arms(info, run.recipe, points), found.counted(info, told_last.data if told_last else None)
    share, title = wording.is_share(info.metric), wording.within(info.metric.title)
    plots.show(
        figures.learning_curve(arms, points, x=_("{unit} to learn from", unit=unit), y=title, share=share),
        "live_points",
        alt=_(
            "{title} of each training so far: {arm_title}", title=title, arm_title=", ".join(arm.title for arm in arms)
        ),
        table=lambda: told.by_budget(info, arms, points, unit),
    )
    st.caption(_("A thin dot is one training, a line their mean. The intervals come once all are there."))
    if not status.state.finished:
        st.caption(_(":material/link: It has its own address: close the tab, come back, it is still here."))


def standing(events: Sequence[Event]) -> Standing:
    """How far the comparison that said `events` is: trainings done of all that may come, and what goes on now."""
    progress = next((e.data for e in reversed(events) if e.kind == "progress" and _counts_trainings(e)), {})
    done, total = int(progress.get("done", 0)), int(progress.get("total", 0))
    phase = _last(events, "phase")
    now = str(phase.data.get("title") or "") if phase else ""
    if not total:
        return Standing(0.0, now or _("Starting"))
    said = [_("{done:,} of {trainings}", done=done, trainings=_n("{n:,} training", "{n:,} trainings", total))]
    if left := (total - done) * _each(found.so_far(events)):
        said.append(_("at most about {duration} left", duration=words.duration(left)))
    return Standing(min(done / total, 0.99), " · ".join([*said, now] if now else said))


def _each(points: Sequence[found.Point]) -> float:
    """Seconds of a training at the largest budget, as a mean over both sides, for one may take many times as long as
    the other; 0 until both are known."""
    took = [point["seconds"] for point in found.largest(points)]
    return sum(took) / len(took) if len(took) > 1 else 0.0


def _counts_trainings(event: Event) -> bool:
    return event.data.get("phase") == "comparing" and event.data.get("unit") == "trainings"


def _last(events: Sequence[Event], kind: str) -> Event | None:
    return next((event for event in reversed(events) if event.kind == kind), None)


def say(status: JobStatus, now: Standing, what: str = "comparison") -> None:
    """Its bar or what stopped it, and what can be done now, of what is called so."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        match status.state:
            case State.QUEUED:
                st.progress(0.0, train.waiting(status))
            case State.RUNNING:
                text = _("Stopping: the trainings that are done are being kept") if status.stopping else now.text
                st.progress(now.share, text)
            case State.FAILED:
                message = words.plain(status.message) or _("It stopped on an error of ours.")
                st.error(
                    _("This {what} did not work out.\n\n{message}", what=what, message=message), icon=":material/error:"
                )
            case State.INTERRUPTED:
                st.warning(
                    _("It stopped before it was done. Resume goes on after the last training."),
                    icon=":material/power_off:",
                )
            case _:
                st.info(_("Stopped. The trainings that were done are kept."), icon=":material/pause_circle:")
    with right:
        if status.state.finished:
            train.resume_or_change(status, what)
        else:
            train.cancel(status, what)
