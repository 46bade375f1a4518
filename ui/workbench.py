"""What a domain's page stands on: which run, which draft and which step the address asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from engines import registry
from engines.contract import InputError, TaskInfo
from engines.messages import _
from engines.runs import RunFolder
from ui.page import address, draft, errors, frame, local_storage, recorded, user_changes
from ui.runs import kinds, links
from ui.search import offer as search_offer
from ui.showing import handover
from ui.steps import comparison, data, model, strategy
from ui.steps import result as result_step
from ui.steps import train as training

ARRIVED = "arrived_run"
"""Where the session keeps which run it has come to."""


@dataclass(frozen=True)
class Workbench:
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
        return "result" if _ended(self.run) else "train"


def open(*tasks: str) -> Workbench | None:
    """The desk at this address, for the first of the page's tasks unless the address names another; None after saying
    what is wrong with the address."""
    here = address.read()
    task = here.task if here.task in tasks else tasks[0]
    try:
        handover.follow_link(tasks)
        data.follow_link(task)
        run = _run(task, here)
        if run and run.recipe.task in tasks:
            task = run.recipe.task
        here = _arrived(here, run)
        kind = kinds.of(run) if run else None
        own = run if run and recorded.is_own(run) and (kind is None or kind.own_data) else None
        return Workbench(registry.task(task).info, here, run, draft.read(task, here, own))
    except InputError as error:
        errors.say(error)
        if st.button(_("Start afresh"), type="primary", icon=":material/restart_alt:"):
            address.put(address.Address())
            st.rerun()
        return None


def page(domain: str) -> None:
    """The page of a domain that has no file of its own below pages/: the five steps as every task walks them."""
    info, tasks = registry.domains()[domain], registry.names(domain)
    with frame.page(info.title, f"{info.does}."):
        desk = open(*tasks)
        if desk is None:
            return
        if len(tasks) > 1:
            switch(desk, *tasks)
        match frame.steps(desk.step):
            case "data":
                data.show(desk.draft)
            case "model":
                model.show(desk.draft)
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                train(desk)
            case "result":
                result(desk)


def switch(desk: Workbench, *tasks: str) -> None:
    """What the page's domain can do, as one switch."""
    st.session_state["task_switch"] = desk.info.name

    def choose() -> None:
        address.put(address.Address(task=st.session_state["task_switch"] or desk.info.name))

    st.segmented_control(
        _("What to do"),
        tasks,
        key="task_switch",
        on_change=user_changes.changed("task_switch", choose),
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: registry.task(name).info.title,
    )


def _arrived(here: address.Address, run: RunFolder | None) -> address.Address:
    """Whoever comes to a run, by a link, a bookmark or a reload, comes to its result as soon as there is one; from
    there on the steps lead where they say."""
    if not here.run or st.session_state.get(ARRIVED) == here.run:
        return here
    st.session_state[ARRIVED] = here.run
    if here.step in {None, "result"} or run is None or not _ended(run):
        return here
    address.put(arrived := replace(here, step=None))
    return arrived


def _ended(run: RunFolder) -> bool:
    """Whether its result's step has something to show."""
    kind = kinds.of(run)
    return bool(recorded.finished(run) or (kind and kind.ended(run)))


def _run(task: str, here: address.Address) -> RunFolder | None:
    if here.run:
        return RunFolder.find(here.run)
    if here.data or not (first := recorded.first(task)):
        return None
    return RunFolder.find(first)


def train(desk: Workbench) -> None:
    """Step 4: the run of this desk, or how to get one."""
    if desk.run is None:
        _nothing_yet(desk, _("Nothing is training yet."))
        return
    if _has_page_of_its_own(desk.info, desk.run):
        return
    _banner(desk)
    if kind := kinds.of(desk.run):
        kind.show(desk.info, desk.run)
    else:
        training.show(desk.info, desk.run, desk.draft)
    _remember(desk.run)
    links.show(desk.run)


def result(desk: Workbench, show: Callable[[recorded.Finished], None] = result_step.show) -> None:
    """Step 5: the outcome of this desk's run, drawn by `show`, or how to get one."""
    if desk.run and _has_page_of_its_own(desk.info, desk.run):
        return
    found = recorded.finished(desk.run) if desk.run else None
    if found is None:
        _nothing_yet(desk, _("There is no result yet."))
        return
    _banner(desk)
    _of_several_sites(desk.info, found)
    comparison.show(desk.info, found)
    show(found)
    _remember(found.run)
    links.show(found.run)


def _of_several_sites(info: TaskInfo, found: recorded.Finished) -> None:
    """Above the result of a model that several sites have made together."""
    if kind := kinds.of(found.run):
        kind.show(info, found.run)
    elif found.run.job.verb in {"merge", "lead"}:
        from ui.federated import page as federated_page

        federated_page.united(info, found.result.details["federated"])


def _has_page_of_its_own(info: TaskInfo, run: RunFolder) -> bool:
    """Draws what leaves no model, as a comparison or answers to many questions, in place of either step."""
    kind = kinds.of(run)
    if kind is None or kind.with_result:
        return False
    links.told(run)
    kind.show(info, run)
    _remember(run)
    links.show(run)
    return True


def _remember(run: RunFolder) -> None:
    if not recorded.is_recorded(run):
        beside = st.session_state.get(search_offer.BESIDE, {}).get(run.id, [])
        local_storage.remember(run.id, also=beside)


def _banner(desk: Workbench) -> None:
    if desk.run is not None:
        links.told(desk.run)
    if desk.run is None or not recorded.is_recorded(desk.run) or not (found := recorded.finished(desk.run)):
        return
    sample = recorded.sample(desk.run.id)
    if result_step.recorded_banner(found, sample) and sample:
        data.use_sample(desk.info.name, sample, or_another=True)


def _nothing_yet(desk: Workbench, sentence: str) -> None:
    with st.container(border=True):
        if desk.run is not None:
            st.markdown(_("**{sentence}** This run is still on its way, or it stopped.", sentence=sentence))
            label, step = _("Look at the run"), "train"
        elif desk.draft.path:
            st.markdown(
                _("**{sentence}** Your data are here: choose how much should learn, and start.", sentence=sentence)
            )
            label, step = _("Choose and start"), "strategy"
        else:
            st.markdown(_("**{sentence}** It begins with data: your own, or a sample.", sentence=sentence))
            label, step = _("Bring data"), "data"
        if st.button(label, type="primary", icon=":material/arrow_forward:"):
            address.put(replace(desk.here, step=step))
            st.rerun()
