"""Step 4: a run while it trains. It goes on in its own process whatever the page does."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from engines.contract import Event, Job, State, Strategy, TaskInfo
from engines.cost.forecast import Forecast
from engines.hosting import operation
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.jobs.serving import client
from engines.messages import _
from engines.reporting import wording
from engines.runs import RunFolder
from ui.page import address, errors, rankings, recorded, rehearsals, uploads, visitor, words
from ui.page.draft import Draft
from ui.steps import plan, queue_order
from ui.steps.overall import Overall, overall
from ui.widgets import plots, return_curve

EVERY = 1.0  # seconds between two looks at a running job
SERIES = {"transfer": (plots.TRAINED, "validation"), "scratch": (plots.SCRATCH, "from scratch")}


def start(draft: Draft, title: str) -> None:
    """Queue a run and show it, unless it would be refused at once."""
    with errors.calm(_("The run could not be started.")):
        fits_together(draft)
        run = visitor.submit(Job(draft.recipe(title)))
        rankings.leave_forecast(draft, RunFolder.find(run))
        address.put(replace(address.read(), run=run, data=draft.data, step=None))
        st.rerun()


def fits_together(draft: Draft) -> None:
    """Raises InputError with what would end a run of the draft before its first step. Where nobody can tell, the run
    itself will."""
    place = st.empty()
    place.caption(_(":material/hourglass_top: Looking whether these choices fit the data …"))
    try:
        rehearsals.require(draft)
    except client.ServerFailed:
        pass
    finally:
        place.empty()


def show(info: TaskInfo, run: RunFolder, draft: Draft) -> None:
    """The run of this draft as it stands; while it works, it is looked at again every second."""
    if recorded.is_recorded(run):
        _curves(info, run.events(), run.recipe.strategy)
        return
    working, tested = not settled(backend().status(run.id)), recorded.finished(run) is not None
    expected = _expected(draft) if working else None

    @st.fragment(run_every=EVERY if working else None)
    def live() -> None:
        with errors.calm(_("This run could not be looked at.")):
            status = backend().status(run.id)
            if working and (settled(status) or (recorded.finished(run) is not None) is not tested):
                st.rerun(scope="app")  # the page moves on to the result by itself
            with st.container(border=True, key="live_run"):
                _look(info, run, status, expected)

    live()


def _expected(draft: Draft) -> Forecast | None:
    """How long the run takes, where its data were checked here; a bar can do without it."""
    report = uploads.known(draft.task, draft.data, draft.reading) if draft.data else None
    with errors.calm(_("The time could not be estimated.")):
        found = plan.expected(draft, report) if report else None
        return None if found is None else found.forecast
    return None


def settled(status: JobStatus) -> bool:
    """Nothing changes any more by itself: done, or stopped for good and ready to be resumed."""
    return status.state is State.DONE or (status.state.finished and status.may_resume)


def _look(info: TaskInfo, run: RunFolder, status: JobStatus, expected: Forecast | None) -> None:
    events = backend().events(run.id)
    compares = run.recipe.settings.get("baseline") == "scratch" and run.recipe.strategy is not Strategy.SCRATCH
    _standing(status, overall(events, info.unit, expected, compares, now=time.time()))
    _so_far(info, events)
    _curves(info, events, run.recipe.strategy)
    st.caption(_(":material/link: This run has its own address: close the tab, come back, it is still here."))


def _standing(status: JobStatus, now: Overall) -> None:
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        match status.state:
            case State.QUEUED:
                st.progress(0.0, waiting(status))
            case State.RUNNING:
                st.progress(now.share, _("Stopping: what was learnt is being kept") if status.stopping else now.text)
            case State.DONE:
                st.success(_("Done. The result is the next step."), icon=":material/check:")
            case State.CANCELLED:
                st.info(_("Cancelled. What was learnt so far is kept."), icon=":material/pause_circle:")
            case State.INTERRUPTED:
                st.warning(
                    _("The training process stopped before it was done. Resume goes on from the last epoch."),
                    icon=":material/power_off:",
                )
            case State.FAILED:
                message = words.plain(status.message) or _("It stopped on an error of ours.")
                st.error(_("This run did not work out.\n\n{message}", message=message), icon=":material/error:")
    with right:
        _button(status, tested=recorded.finished(RunFolder.find(status.id)) is not None)


def waiting(status: JobStatus) -> str:
    """Where a run stands that has not begun."""
    if operation.state() is operation.Operation.PAUSED:
        return _("Waiting: whoever runs this host lets no run begin now")
    place = _(", number {position} in the queue", position=status.position) if status.position else ""
    return _("Waiting for its turn{place}", place=place)


def _so_far(info: TaskInfo, events: list[Event]) -> None:
    """The first half of the result, known while the comparison still trains."""
    own = next((e.data for e in events if e.kind == "result" and e.data.get("series") != "scratch"), None)
    if own:
        value = words.metric(info.metric, own["value"])
        between = words.interval(info.metric, own["low"], own["high"])
        st.markdown(
            _(
                ":orange[■] **{title} {value}** on the test {unit} ({between}). The comparison goes "
                "on; the result is there already.",
                title=info.metric.title,
                value=value,
                unit=info.unit,
                between=between,
            )
        )


def _button(status: JobStatus, tested: bool) -> None:
    """What can be done now. Once the model is `tested`, only its comparison can be stopped, on the result's step."""
    if status.state in {State.QUEUED, State.RUNNING} and not tested:
        cancel(status, "run")
    elif tested or status.state is State.DONE:
        if st.button(_("See the result"), icon=":material/arrow_forward:", type="primary", width="stretch"):
            address.change(step="result")
            st.rerun(scope="app")
    else:
        resume_or_change(status, "run")


def cancel(status: JobStatus, what: str) -> None:
    """A button that stops what goes on, which is called a 'run', or a 'comparison'; and one that moves what waits."""
    if status.only_shown:
        return
    if st.button(_("Cancel"), icon=":material/stop_circle:", width="stretch", disabled=status.stopping):
        with errors.calm(_("The {what} could not be cancelled.", what=what)):
            backend().cancel(status.id)
            st.rerun(scope="app")
    queue_order.offer(status)


def resume_or_change(status: JobStatus, what: str) -> None:
    """Buttons below what stopped before its end, called as `cancel` has it."""
    if status.only_shown:
        return
    resume = st.button(
        _("Resume"), icon=":material/play_arrow:", type="primary", width="stretch", disabled=not status.may_resume
    )
    if resume:
        with errors.calm(_("The {what} could not be resumed.", what=what)):
            backend().submit(None, resume=status.id)
            st.rerun(scope="app")
    if st.button(
        _("Change it"), icon=":material/tune:", width="stretch", help=_("Back to the choices of this {what}", what=what)
    ):
        address.change(step="strategy")
        st.rerun(scope="app")


def _curves(info: TaskInfo, events: list[Event], strategy: Strategy) -> None:
    epochs = recorded.epochs(events)
    if not epochs:
        if any(e.kind == "phase" for e in events):
            st.caption(_("The curves begin after the first epoch."))
            for column in st.columns(2):
                column.skeleton(220)
        return
    own = [e for e in epochs if e.get("series") != "scratch"] or epochs
    if is_counted_in_steps(epochs):
        step_numbers(info, own)
    else:
        numbers(info, own)
    curves(info, epochs, strategy, key="live")


def is_counted_in_steps(epochs: list[dict[str, Any]]) -> bool:
    """Whether what was learnt from is counted in steps of a robot, not in passes over examples."""
    return any("real_steps" in e for e in epochs)


def step_numbers(info: TaskInfo, own: list[dict[str, Any]]) -> None:
    """The newest return with its interval, and what it has cost."""
    last, before = own[-1], own[-2] if len(own) > 1 else {}
    value, previous, start = last.get("validation_metric"), before.get("validation_metric"), last.get("zero_shot")
    now, came, real, simulated = st.columns(4)
    change = None if value is None or previous is None else words.signed(value - previous, ",.0f")
    now.metric(
        _(":orange[■] {title} now", title=info.metric.title),
        "–" if value is None else words.metric(info.metric, value),
        change,
    )
    if last.get("low") is not None:
        now.caption(_("{interval}, 95 % interval", interval=words.interval(info.metric, last["low"], last["high"])))
    came.metric(_(":blue[■] As it came"), "–" if start is None else words.metric(info.metric, start))
    real.metric(
        _("Real steps"), f"{last.get('real_steps') or 0:,}", help=_("Every step of the robot counts, checks too.")
    )
    simulated.metric(
        _("Simulator steps"), f"{last.get('sim_steps') or 0:,}", help=_("They cost time, but nothing real.")
    )


def numbers(info: TaskInfo, own: list[dict[str, Any]]) -> None:
    """The newest numbers, each with its change since the epoch before."""
    last, before = own[-1], own[-2] if len(own) > 1 else {}
    title = wording.within(info.metric.title)
    shown = [
        (_("Validation {title}", title=title), "validation_metric", True),
        (_("Training {title}", title=title), "train_metric", True),
        (_("Validation loss"), "validation_loss", False),
    ]
    columns = st.columns(4)
    for column, (label, name, is_metric) in zip(columns, shown, strict=False):
        value, previous = last.get(name), before.get(name)
        text = "–" if value is None else words.metric(info.metric if is_metric else "loss", value)
        change: str | None = None
        if value is not None and previous is not None:
            scale = 100 if is_metric and info.metric.kind == "share" else 1
            change = f"{scale * (value - previous):+.{1 if scale == 100 else 2}f}"
            change = change if float(change) else None
        better: Literal["normal", "inverse"] = "normal" if is_metric and info.metric.higher_is_better else "inverse"
        column.metric(label, text, change, delta_color=better)
    columns[3].metric(
        _("Best epoch"),
        last.get("best_epoch") or last["epoch"],
        help=_("An epoch is one pass over what is learnt from. The one with the best validation loss is kept."),
    )


def curves(info: TaskInfo, epochs: list[dict[str, Any]], strategy: str, key: str, finished: bool = False) -> None:
    """Loss and metric, epoch by epoch; training dashed, validation solid, from scratch grey."""
    if is_counted_in_steps(epochs):
        _over_steps(info, epochs, key)
        return
    share = info.metric.kind == "share"
    last = max(e.get("epochs") or e["epoch"] for e in epochs)
    reached = max(e["epoch"] for e in epochs)
    last = reached if finished else min(last, max(reached * 1.25, 5))
    best = next((e.get("best_epoch") for e in reversed(epochs) if e.get("series") != "scratch"), None)
    left, right = st.columns(2)
    for column, name, title, is_share in (
        (left, "loss", "loss", False),
        (right, "metric", wording.within(info.metric.title), share),
    ):
        if not any(f"{part}_{name}" in e for part in ("train", "validation") for e in epochs):
            continue  # a metric that is measured at the end only
        figure = plots.lines(
            _lines(epochs, name, strategy), x=_("epoch"), y=title, last_x=last, share=is_share, mark=best
        )
        with column:
            st.markdown(f"**{title[0].upper()}{title[1:]}**")
            plots.show(
                figure,
                f"{key}_{name}",
                alt=_("{title} at each epoch, training and validation", title=title),
                table=functools.partial(_table, epochs, name),
            )


def _over_steps(info: TaskInfo, epochs: list[dict[str, Any]], key: str) -> None:
    """The metric over the robot's steps, or over the simulator's where only those go on."""
    taken = [e.get("real_steps") or 0 for e in epochs]
    real = max(taken) > 0 and (len(taken) == 1 or len(set(taken)) > 1)
    name, title = ("real_steps", _("real steps")) if real else ("sim_steps", _("steps in the simulator"))
    points = [
        {
            "series": e.get("series") or "transfer",
            "real_steps": e.get(name) or 0,
            "mean": e["validation_metric"],
            "low": e.get("low", e["validation_metric"]),
            "high": e.get("high", e["validation_metric"]),
        }
        for e in epochs
        if e.get("validation_metric") is not None
    ]
    start = next((e["zero_shot"] for e in epochs if e.get("zero_shot") is not None), None)
    plots.show(
        return_curve.curve(points, zero_shot=start, x=title),
        f"{key}_return",
        alt=_("{title} over {title2}, with its 95 % interval", title=info.metric.title, title2=title),
        table=lambda: return_curve.curve_rows(points, info.metric, title),
    )


def _lines(epochs: list[dict[str, Any]], name: str, strategy: str) -> list[plots.Figure]:
    found = []
    for series, (colour, label) in SERIES.items():
        own = [e for e in epochs if (e.get("series") or "transfer") == series]
        if not own:
            continue
        if strategy == Strategy.SCRATCH:
            colour = plots.SCRATCH
        x = [e["epoch"] for e in own]
        if series == "transfer" and any(e.get(f"train_{name}") is not None for e in own):
            found.append(plots.line("training", x, [e.get(f"train_{name}") for e in own], colour, "dot"))
        if any(e.get(f"validation_{name}") is not None for e in own):
            found.append(plots.line(label, x, [e.get(f"validation_{name}") for e in own], colour))
    return found


def _table(epochs: list[dict[str, Any]], name: str) -> plots.Rows:
    return [
        {
            "series": e.get("series") or "transfer",
            "epoch": e["epoch"],
            "training": e.get(f"train_{name}"),
            "validation": e.get(f"validation_{name}"),
        }
        for e in epochs
    ]
