"""Runs in a list: open, rename, download, delete, or choose some to compare."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import streamlit as st

from engines import registry, trash
from engines.contract import InputError, Recipe, State
from engines.jobs import backends, cleanup
from engines.messages import _
from engines.runs import RunFolder
from ui.page import address, domains, errors, local_storage, recorded, words
from ui.runs import file, kinds, links
from ui.widgets import take_home

PER_PAGE = 10
DELETED = "deleted_run"
"""Where the session keeps the id and the name of the run that was deleted last."""
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
    """The metric with its interval, or what a comparison came to, in words; empty until there is one."""
    kind: str = ""
    """'Comparison', of what is no single training."""

    @property
    def title(self) -> str:
        return self.recipe.title or model_title(self.recipe)

    @property
    def about(self) -> str:
        """Domain, task, model and what learns of it."""
        recipe, info = self.recipe, registry.task(self.recipe.task).info
        blocks, depth = recipe.settings.get("blocks"), recipe.settings.get("depth")
        learns = words.strategy(info, recipe.strategy, blocks, depth).lower()
        kind = f"{self.kind} · " if self.kind else ""
        return f"{kind}{registry.domains()[info.domain].title} · {info.title} · {model_title(recipe)}, {learns}"

    def holds(self, wanted: str) -> bool:
        """Whether each of these words stands somewhere in its name or in what it is about."""
        said = f"{self.title} {self.about}".casefold()
        return all(word in said for word in wanted.casefold().split())


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
        state = State.DONE if recorded.is_recorded(run) else backends.backend().status(run_id).state
    except InputError:
        return None
    kind = kinds.of(run)
    number = kind.in_short(run) if kind else ""
    if found := recorded.finished(run):
        r = found.result
        metric = registry.task(r.task).info.metric
        number = f"{metric.title} {words.metric(metric, r.value)} ({words.interval(metric, r.low, r.high)})"
    return Entry(run, run.recipe, state, number, kind.title() if kind else "")


def recent(limit: int) -> None:
    """This browser's newest runs, each with a link."""
    place = st.container()
    ids = local_storage.recent()
    with place:
        _recent(ids, limit)


def _recent(ids: list[str] | None, limit: int) -> None:
    if ids is None:
        st.skeleton(64)
        return
    entries = [e for run_id in ids[: 2 * limit] if (e := entry(run_id))][:limit]
    if not entries:
        st.caption(_("None yet. The first one takes three clicks: open Vision, train it yourself, train."))
    for found in entries:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            _what(found)
            _open(found)


def manage() -> list[str]:
    """The whole list with everything one can do; returns the ids that were chosen to compare."""
    pasted = st.session_state.get("paste_run", "")
    add, forget = st.session_state.pop("restored_runs", []), st.session_state.pop("forget_runs", [])
    if pasted:
        try:
            add = [*add, RunFolder.find(address.run_id(pasted)).id]
        except InputError as error:
            errors.say(error)
    st.text_input(
        _("Add a run by its link"),
        key="paste_run",
        placeholder="https://…?run=…",
        icon=":material/add_link:",
        max_chars=500,
    )
    wanted = st.text_input(
        _("Search"), key="search_runs", placeholder=_("a name, a model, a task"), icon=":material/search:"
    )
    file.open_one()
    _offer_undo()
    place = st.container()
    ids = local_storage.recent(add=add, forget=forget)
    with place:
        return _choose(ids, wanted)


def _choose(ids: list[str] | None, wanted: str) -> list[str]:
    if ids is None:
        st.skeleton(200)
        return []
    entries = [e for run_id in ids if (e := entry(run_id))]
    if not entries:
        with st.container(border=True):
            st.markdown(_("**No runs yet.** What you train appears here, with its result, ready to compare."))
            st.page_link("pages/vision.py", label=_("Train one on a sample"), icon=":material/arrow_forward:")
        return []
    entries = [found for found in entries if found.holds(wanted)]
    if not entries:
        st.caption(_("No run is called so. Search for less."))
    pages = -(-len(entries) // PER_PAGE)
    page = st.pagination(pages, key="runs_page") if pages > 1 else 1
    shown = entries[(page - 1) * PER_PAGE : page * PER_PAGE]
    return [found.run.id for found in shown if _line(found)]


def _line(found: Entry) -> bool:
    key = found.run.id
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"run_{key}"):
        chosen = st.checkbox(
            _("Compare {title}", title=found.title),
            key=f"compare_{key}",
            label_visibility="collapsed",
            disabled=not found.number or bool(found.kind),
            width="content",
            help=_why_not(found) or _("Compare"),
        )
        _what(found)
        _open(found)
        with st.popover(_("More"), icon=":material/more_horiz:"):
            _more(found)
    return bool(chosen)


def _why_not(found: Entry) -> str:
    if found.kind:
        return _("It has a page of its own")
    return "" if found.number else _("Only finished runs can be compared")


def _what(found: Entry) -> None:
    colour, icon, word = STATES[found.state]
    with st.container(gap=None):
        st.markdown(
            _(
                "**{plain}** :{colour}-badge[{icon} {word}] {number}",
                plain=words.plain(found.title),
                colour=colour,
                icon=icon,
                word=word,
                number=found.number,
            )
        )
        st.caption(f"{words.plain(found.about)} · {words.moment(found.recipe.created)}")


def _open(found: Entry) -> None:
    if page := domains.page_of(found.recipe.task):
        st.page_link(page, label=_("Open"), icon=":material/arrow_forward:", query_params={"run": found.run.id})


def _more(found: Entry) -> None:
    key = found.run.id
    if recorded.is_recorded(found.run):
        st.caption(_("A recorded run that comes with Headstart."))
    elif found.run.only_shown:
        _shown(key)
        return
    else:
        title = st.text_input(_("Name"), value=found.title, max_chars=80, key=f"name_{key}")
        if st.button(_("Rename"), key=f"rename_{key}", icon=":material/edit:", width="stretch") and title.strip():
            found.run.rename(title)
            st.rerun()
    with_data = st.toggle(_("With my data"), key=f"with_data_{key}", help=_("Leave it off for a run that you share."))
    st.download_button(
        _("Download everything") if with_data else _("Download it"),
        key=f"zip_{key}",
        data=lambda: (take_home.everything if with_data else take_home.shared)(found.run),
        file_name=f"run-{key[:8]}.zip",
        mime="application/zip",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
        help=_("The run folder: recipe, events, model, predictions, report.")
        if with_data
        else _("Model, recipe, model card and report, without your data."),
    )
    if recorded.is_own(found.run):
        if found.state is State.DONE:
            file.take(found.run)
        links.both(found.run)
    if not recorded.is_recorded(found.run) and st.button(
        _("Delete"),
        key=f"delete_{key}",
        icon=":material/delete:",
        width="stretch",
        help=_("You can undo it for a while."),
    ):
        _delete(found)


def _shown(run_id: str) -> None:
    """All that can be done with a run that somebody has shown."""
    st.caption(_("Somebody shows you this run: only whoever has its own link can change it or take its model."))
    if st.button(_("Take it off my list"), key=f"forget_{run_id}", icon=":material/playlist_remove:", width="stretch"):
        st.session_state["forget_runs"] = [run_id]
        st.rerun()


def _delete(found: Entry) -> None:
    with errors.calm(_("The run could not be deleted.")):
        with st.spinner(_("Deleting …")):
            backends.delete(backends.backend(), found.run.id, undo=True)
        st.session_state["forget_runs"] = [found.run.id]
        st.session_state[DELETED] = (found.run.id, found.title)
        st.rerun()


def _offer_undo() -> None:
    """The run that was deleted last, and the way to have it back."""
    cleanup.purge()
    if not (deleted := st.session_state.get(DELETED)):
        return
    run_id, title = deleted
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="undo_delete"):
        minutes = words.duration(trash.SECONDS)
        st.markdown(_("“{plain}” is deleted, for good in {minutes}.", plain=words.plain(title), minutes=minutes))
        if st.button(_("Undo"), icon=":material/undo:", key="undo"):
            del st.session_state[DELETED]
            with errors.calm(_("The run could not be brought back.")):
                backends.restore(run_id)
                st.session_state["restored_runs"] = [run_id]
                st.rerun()
