"""What a domain's page stands on: which run, which draft and which step the address asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from engines import registry
from engines.contract import InputError, TaskInfo
from engines.runs import RunFolder
from ui import address, by_hand, data_step, draft, errors, recorded, result_step, this_browser, train_step


@dataclass(frozen=True)
class Desk:
    """Everything the five steps of a page work on."""

    info: TaskInfo
    here: address.Address
    run: RunFolder | None
    """The run in the address, else the recorded one when nothing was begun."""
    draft: draft.Draft

    @property
    def step(self) -> str:
        """The step in the address, else the one where there is something to see."""
        if self.here.step:
            return self.here.step
        if self.run is None:
            return "data"
        return "result" if recorded.finished(self.run) else "train"


def open(*tasks: str) -> Desk | None:
    """The desk at this address, for the first of the page's tasks unless the address names another; None after saying
    what is wrong with the address."""
    here = address.read()
    task = here.task if here.task in tasks else tasks[0]
    try:
        run = _run(task, here)
        if run and run.recipe.task in tasks:
            task = run.recipe.task
        own = run if run and not recorded.is_recorded(run) else None
        return Desk(registry.task(task).info, here, run, draft.read(task, here, own))
    except InputError as error:
        errors.say(error)
        if st.button("Start afresh", type="primary", icon=":material/restart_alt:"):
            address.put(address.Address())
            st.rerun()
        return None


def switch(desk: Desk, *tasks: str) -> None:
    """What the page's domain can do, as one switch."""
    st.session_state["task_switch"] = desk.info.name

    def choose() -> None:
        address.put(address.Address(task=st.session_state["task_switch"] or desk.info.name))

    st.segmented_control(
        "What to do", tasks, key="task_switch", on_change=by_hand.changed("task_switch", choose), required=True,
        label_visibility="collapsed",
        format_func=lambda name: registry.task(name).info.title,
    )  # fmt: skip


def _run(task: str, here: address.Address) -> RunFolder | None:
    if here.run:
        return RunFolder.find(here.run)
    if here.data or not (first := recorded.first(task)):
        return None
    return RunFolder.find(first)


def train(desk: Desk) -> None:
    """Step 4: the run of this desk, or how to get one."""
    if desk.run is None:
        _nothing_yet(desk, "Nothing is training yet.")
        return
    _banner(desk)
    train_step.show(desk.info, desk.run)
    _remember(desk.run)


def result(desk: Desk, show: Callable[[recorded.Finished], None] = result_step.show) -> None:
    """Step 5: the outcome of this desk's run, drawn by `show`, or how to get one."""
    found = recorded.finished(desk.run) if desk.run else None
    if found is None:
        _nothing_yet(desk, "There is no result yet.")
        return
    _banner(desk)
    show(found)
    _remember(found.run)


def _remember(run: RunFolder) -> None:
    if not recorded.is_recorded(run):
        this_browser.remember(run.id)


def _banner(desk: Desk) -> None:
    if desk.run is None or not recorded.is_recorded(desk.run) or not (found := recorded.finished(desk.run)):
        return
    sample = recorded.sample(desk.run.id)
    if result_step.recorded_banner(found, sample) and sample:
        data_step.use_sample(desk.info.name, sample, or_another=True)


def _nothing_yet(desk: Desk, sentence: str) -> None:
    with st.container(border=True):
        if desk.run is not None:
            st.markdown(f"**{sentence}** This run is still on its way, or it stopped.")
            label, step = "Look at the run", "train"
        elif desk.draft.path:
            st.markdown(f"**{sentence}** Your data are here: choose how much should learn, and start.")
            label, step = "Choose and start", "strategy"
        else:
            st.markdown(f"**{sentence}** It begins with data: your own, or a sample.")
            label, step = "Bring data", "data"
        if st.button(label, type="primary", icon=":material/arrow_forward:"):
            address.put(replace(desk.here, step=step))
            st.rerun()
