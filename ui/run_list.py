"""Runs in a list: open, rename, download, delete, or choose some to compare."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import streamlit as st

from engines import registry
from engines.contract import InputError, Recipe, State
from engines.jobs import backend as jobs
from engines.runs import RunFolder
from ui import address, domains, errors, recorded, take_home, this_browser, words

PER_PAGE = 10
STATES = {
    State.QUEUED: ("gray", ":material/schedule:", "waiting"),
    State.RUNNING: ("orange", ":material/play_arrow:", "training"),
    State.DONE: ("blue", ":material/check:", "done"),
    State.FAILED: ("red", ":material/error:", "failed"),
    State.CANCELLED: ("gray", ":material/pause_circle:", "cancelled"),
    State.INTERRUPTED: ("yellow", ":material/power_off:", "interrupted"),
}


@dataclass(frozen=True)
class Entry:
    """One line of the list."""

    run: RunFolder
    recipe: Recipe
    state: State
    number: str
    """The metric with its interval, in words; empty until there is one."""

    @property
    def title(self) -> str:
        return self.recipe.title or model_title(self.recipe)


def model_title(recipe: Recipe) -> str:
    """What the catalogue calls the model of a recipe."""
    return _titles(recipe.task).get(recipe.model, recipe.model)


@functools.cache
def _titles(task: str) -> dict[str, str]:
    return {card.name: card.title for card in registry.task(task).models()}


def entry(run_id: str) -> Entry | None:
    """None when that run is gone."""
    try:
        run = RunFolder.find(run_id)
        state = State.DONE if recorded.is_recorded(run) else jobs.backend().status(run_id).state
    except InputError:
        return None
    number = ""
    if found := recorded.finished(run):
        r = found.result
        number = f"{words.metric(r.metric, r.value)} ({words.interval(r.metric, r.low, r.high)})"
    return Entry(run, run.recipe, state, number)


def recent(limit: int) -> None:
    """This browser's newest runs, each with a link."""
    place = st.container()
    ids = this_browser.recent()
    with place:
        _recent(ids, limit)


def _recent(ids: list[str] | None, limit: int) -> None:
    if ids is None:
        st.skeleton(64)
        return
    entries = [e for run_id in ids[: 2 * limit] if (e := entry(run_id))][:limit]
    if not entries:
        st.caption("None yet. The first one takes three clicks: open Vision, train it yourself, train.")
    for found in entries:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            _what(found)
            _open(found)


def manage() -> list[str]:
    """The whole list with everything one can do; returns the ids that were chosen to compare."""
    pasted = st.session_state.get("paste_run", "")
    add, forget = [], st.session_state.pop("forget_runs", [])
    if pasted:
        try:
            add = [RunFolder.find(address.run_id(pasted)).id]
        except InputError as error:
            errors.say(error)
    st.text_input(
        "Add a run by its link",
        key="paste_run",
        placeholder="https://…?run=…",
        icon=":material/add_link:",
        max_chars=500,
    )
    place = st.container()
    ids = this_browser.recent(add=add, forget=forget)
    with place:
        return _choose(ids)


def _choose(ids: list[str] | None) -> list[str]:
    if ids is None:
        st.skeleton(200)
        return []
    entries = [e for run_id in ids if (e := entry(run_id))]
    if not entries:
        with st.container(border=True):
            st.markdown("**No runs yet.** What you train appears here, with its result, ready to compare.")
            st.page_link("pages/vision.py", label="Train one on a sample", icon=":material/arrow_forward:")
        return []
    pages = -(-len(entries) // PER_PAGE)
    page = st.pagination(pages, key="runs_page") if pages > 1 else 1
    shown = entries[(page - 1) * PER_PAGE : page * PER_PAGE]
    return [found.run.id for found in shown if _line(found)]


def _line(found: Entry) -> bool:
    key = found.run.id
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"run_{key}"):
        chosen = st.checkbox(
            f"Compare {found.title}",
            key=f"compare_{key}",
            label_visibility="collapsed",
            disabled=not found.number,
            width="content",
            help="Compare" if found.number else "Only finished runs can be compared",
        )
        _what(found)
        _open(found)
        with st.popover("More", icon=":material/more_horiz:"):
            _more(found)
    return bool(chosen)


def _what(found: Entry) -> None:
    colour, icon, word = STATES[found.state]
    recipe = found.recipe
    learns = words.strategy(recipe.strategy, recipe.settings.get("blocks"), recipe.task).lower()
    with st.container(gap=None):
        st.markdown(f"**{words.plain(found.title)}** :{colour}-badge[{icon} {word}] {found.number}")
        st.caption(f"{model_title(recipe)}, {learns} · {words.moment(recipe.created)}")


def _open(found: Entry) -> None:
    if page := domains.page_of(found.recipe.task):
        st.page_link(page, label="Open", icon=":material/arrow_forward:", query_params={"run": found.run.id})


def _more(found: Entry) -> None:
    key = found.run.id
    if recorded.is_recorded(found.run):
        st.caption("A recorded run that comes with Headstart.")
    else:
        title = st.text_input("Name", value=found.title, max_chars=80, key=f"name_{key}")
        if st.button("Rename", key=f"rename_{key}", icon=":material/edit:", width="stretch") and title.strip():
            found.run.rename(title)
            st.rerun()
    st.download_button(
        "Download everything",
        key=f"zip_{key}",
        data=_everything(found.run),
        file_name=f"run-{key[:8]}.zip",
        mime="application/zip",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
        help="The run folder: recipe, events, model, predictions, report.",
    )
    if not recorded.is_recorded(found.run):
        sure = st.toggle("I want to delete it for good", key=f"sure_{key}")
        if st.button("Delete", key=f"delete_{key}", icon=":material/delete:", disabled=not sure, width="stretch"):
            _delete(found)


def _delete(found: Entry) -> None:
    with errors.calm("The run could not be deleted."):
        with st.spinner("Deleting …"):
            jobs.delete(jobs.backend(), found.run.id)
        st.session_state["forget_runs"] = [found.run.id]
        st.rerun()


def _everything(run: RunFolder):  # type: ignore[no-untyped-def]
    left_out = {"checkpoint", "heartbeat", "cancel"}
    return lambda: take_home.zipped(run.path, skip=lambda p: p.relative_to(run.path).parts[0] in left_out)
