"""On the Model step: a finished run of one's own, to go on from instead of a model as it came."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from engines import registry
from engines.contract import InputError
from engines.environment import public
from engines.hosting import limits
from engines.jobs import starting
from engines.messages import _
from engines.runs import RunFolder
from ui.page import address, local_storage, recorded, words
from ui.page.draft import Draft

MOST = 8
"""Runs that are offered, the newest first."""


def chosen(draft: Draft) -> None:
    """Which run the draft goes on from, and the way back; nothing where it starts from a model as it came."""
    if draft.start is None and draft.start_path is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="goes_on_from"):
        name = _called(draft.start) if draft.start else _("a finished run")
        st.markdown(
            _(
                ":material/history: **Goes on from {name}**: its weights, and its answers for classes that are called "
                "the same. New classes begin with nothing.",
                name=name,
            ),
            width="stretch",
        )
        if st.button(_("Take the model as it came"), icon=":material/undo:"):
            address.change(model=draft.model, start=None)
            st.rerun()


def show(draft: Draft) -> None:
    """This browser's finished runs of the task, where it can go on from one."""
    if public() or limits.showcase() or not starting.offered(draft.task):
        return
    with st.expander(_("From your runs"), icon=":material/history:"):
        _offer(draft.task)


@st.fragment
def _offer(task: str) -> None:
    ids = local_storage.recent()
    if ids is None:
        st.skeleton(64)
        return
    found = [run for run_id in ids if (run := _usable(task, run_id))][:MOST]
    if not found:
        st.caption(_("No finished run of this task is in this browser's list yet."))
    for number, run in enumerate(found):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{_called(run)}**  \n{_about(run)}", width="stretch")
            if st.button(_("Go on from it"), key=f"go_on_{number}", icon=":material/arrow_forward:"):
                _choose(run)
                st.rerun()


def _usable(task: str, run_id: str) -> RunFolder | None:
    with suppress(InputError):
        run = RunFolder.find(run_id)
        if recorded.is_own(run) and not run.only_shown:
            starting.require(task, run)
            return run
    return None


def _called(run: RunFolder) -> str:
    return words.plain(run.recipe.title) if run.recipe.title else _("A run of {day}", day=words.day(run.recipe.created))


def _about(run: RunFolder) -> str:
    result = run.result
    assert result is not None
    info = registry.task(run.recipe.task).info
    said = f"{info.metric.title} {words.metric(info.metric, result.value)}"
    return f"{words.strategy(info, run.recipe.strategy)} · {said} · {words.day(run.recipe.created)}"


def _choose(run: RunFolder) -> None:
    """With its depth, for a network that was cut off fits no other."""
    here = address.read()
    depth = {"depth": str(run.recipe.settings["depth"])} if run.recipe.settings.get("depth") else {}
    settings = {name: value for name, value in here.settings if name != "depth"} | depth
    address.put(replace(here, model=run.recipe.model, start=run.id).with_settings(settings))
