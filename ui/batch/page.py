"""The page of a run that asks a model about many examples: how far it is, and the answers to look through and take."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import streamlit as st

from engines.contract import Event, State, TaskInfo
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _, _n
from engines.runs import RunFolder
from ui.batch import asked
from ui.comparisons import live
from ui.page import domains, errors, words
from ui.steps import train
from ui.widgets import plots

PER_PAGE = 50


def show(info: TaskInfo, run: RunFolder) -> None:
    """In place of both the Train and the Result step."""
    _about(run)
    working = not train.settled(backend().status(run.id))

    @st.fragment(run_every=train.EVERY if working else None)
    def look() -> None:
        with errors.calm(_("This could not be looked at.")):
            status = backend().status(run.id)
            if working and train.settled(status):
                st.rerun(scope="app")
            if status.state is not State.DONE:
                with st.container(border=True, key="live_answers"):
                    _say(run, status, standing(info, backend().events(run.id)))
                if not status.state.finished:
                    st.caption(_(":material/link: It has its own address: close the tab, come back, it is still here."))

    look()
    if not working and (found := asked.summary(run)):
        _answers(run, found)


def _say(run: RunFolder, status: JobStatus, now: live.Standing) -> None:
    """The bar, or what stopped it, and what can be done now."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        match status.state:
            case State.QUEUED:
                st.progress(0.0, train.waiting(status))
            case State.RUNNING:
                st.progress(now.share, _("Stopping: what was answered is being kept") if status.stopping else now.text)
            case State.FAILED:
                message = words.plain(asked.by_its_own_name(run, status.message))
                st.error(message or _("It stopped on an error of ours."), icon=":material/error:")
            case State.INTERRUPTED:
                st.warning(_("It stopped before it was done: ask again."), icon=":material/power_off:")
            case _:
                st.info(_("Stopped. What was answered is kept."), icon=":material/pause_circle:")
    with right:
        if not status.state.finished:
            train.cancel(status, _("asking"))
        elif not status.only_shown and st.button(_("Ask again"), icon=":material/replay:", width="stretch"):
            with errors.calm(_("The model could not be asked.")):
                backend().submit(None, resume=status.id)
                st.rerun(scope="app")


def _about(run: RunFolder) -> None:
    st.markdown(f"### :material/stacks: {words.plain(run.recipe.title)}")
    model = asked.model_of(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        if model is None:
            st.caption(_("The run whose model was asked is no longer there."))
            return
        st.caption(_("Asked of the model of the run “{title}”.", title=words.plain(model.recipe.title or "")))
        if page := domains.page_of(run.recipe.task):
            st.page_link(page, label=_("To that run"), icon=":material/arrow_back:", query_params={"run": model.id})


def standing(info: TaskInfo, events: Sequence[Event]) -> live.Standing:
    """How far it is, with the time left."""
    told = next((e.data for e in reversed(events) if e.kind == "progress" and e.data["phase"] == "predicting"), None)
    phase = next((str(e.data.get("title") or "") for e in reversed(events) if e.kind == "phase"), "")
    if told is None:
        return live.Standing(0.0, phase or _("Starting"))
    done, total = int(told["done"]), int(told["total"])
    said = [_("{done:,} of {many}", done=done, many=words.count(total, info.unit))]
    if left := told.get("seconds_left"):
        said.append(_("about {duration} left", duration=words.duration(left)))
    return live.Standing(min(done / total, 0.99), " · ".join(said))


# --- the answers ----------------------------------------------------------------------------------


def _answers(run: RunFolder, found: dict[str, Any]) -> None:
    good = found["n"] - found["bad"]
    st.markdown(_n("**{n:,} answer**", "**{n:,} answers**", good))
    if not found["complete"]:
        st.caption(_("It was stopped: these are the answers that had come by then."))
    if found["bad"]:
        _bad(found)
    if found["labels"]:
        _counts(found["labels"])
    _take(run)
    with st.container(border=True, key="answers"):
        st.fragment(_table)(run, found)


def _bad(found: dict[str, Any]) -> None:
    title = _n("{n:,} could not be read, and why", "{n:,} could not be read, and why", found["bad"])
    with st.expander(title, icon=":material/filter_alt:", expanded=found["bad"] <= 5):
        plots.rows([{_("where"): row["file"], _("why"): row["error"]} for row in found["first_bad"]])
        if found["bad"] > len(found["first_bad"]):
            st.caption(_("These are the first {n:,}; the table has them all.", n=len(found["first_bad"])))


def _counts(labels: dict[str, int]) -> None:
    shown = dict(list(labels.items())[:12])
    plots.show(
        plots.bars({name: float(n) for name, n in shown.items()}, x=_("answers"), colour=plots.TRAINED),
        "answer_counts",
        alt=", ".join(f"{name}: {n:,}" for name, n in shown.items()),
    )


def _take(run: RunFolder) -> None:
    from engines.reporting import answers

    table = run.path / answers.TABLE
    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            data=_csv(table),
            file_name="answers.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            help=_("For a spreadsheet: no cell of it is taken for a formula."),
            key="answers_csv",
        )
        st.download_button(
            "Parquet",
            data=lambda: io.BufferedReader(io.FileIO(table)),
            file_name="answers.parquet",
            mime="application/vnd.apache.parquet",
            on_click="ignore",
            icon=":material/download:",
            help=_("For programs: numbers and texts exactly as they were answered."),
            key="answers_parquet",
        )


def _csv(table: Path) -> Callable[[], BinaryIO]:
    """Made when it is asked for; the file on disk vanishes once it is closed."""

    def make() -> BinaryIO:
        from engines.reporting import answers

        with tempfile.TemporaryDirectory() as place:
            answers.write_as_csv(table, Path(place) / "answers.csv")
            with (Path(place) / "answers.csv").open("rb") as file:
                return io.BufferedReader(io.FileIO(os.dup(file.fileno())))

    return make


def _table(run: RunFolder, found: dict[str, Any]) -> None:
    """The rows, a page at a time: of one label, or the unreadable, in their order or the least sure first."""
    from engines.reporting import answers

    every, bad = _("All"), _("Could not be read")
    options = [every, *(found["labels"] or {}), *([bad] if found["bad"] else [])]
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        what = st.selectbox(_("Show"), options, key="answers_shown") if len(options) > 1 else every
    with right:
        sort = "confidence" in found["columns"] and st.toggle(_("The least sure first"), key="answers_least_sure")
    label = what if what in (found["labels"] or {}) else None
    numbers = answers.chosen(run.path, label=label, bad=True if what == bad else None, least_sure=bool(sort))
    pages = max(1, -(-len(numbers) // PER_PAGE))
    page = st.pagination(pages, key=f"answers_page_{what}_{bool(sort)}") if pages > 1 else 1
    rows = answers.rows(run.path, numbers[(page - 1) * PER_PAGE : page * PER_PAGE])
    if rows:
        plots.rows([{name: _short(value) for name, value in row.items()} for row in rows])
    else:
        st.caption(_("There is nothing of that kind."))


def _short(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
