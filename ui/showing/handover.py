"""From a data set made in the app to the five steps, without an upload."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engines import registry, runs
from engines.contract import InputError, Problem
from engines.datasets.folder import DatasetFolder
from engines.messages import _, _n
from ui.page import address, domains, errors, local_storage, uploads, words

LINK = "dataset"
"""In an address: the id of a data set."""


def asked_for() -> str | None:
    """The id in this page's address, if there is one."""
    found = st.query_params.get(LINK, "")
    return found if runs.ID.fullmatch(found) else None


def take(dataset: DatasetFolder, task: str) -> str:
    """An id for `?data=` under which the task finds these examples. Raises InputError where it could not learn from
    them, or no longer finds them, and where they are only shown."""
    from engines.datasets import exporting

    dataset.require_owner()
    if dataset.about.kind == "boxes":
        from engines.vision.detection.annotations import drawn

        drawn.require_trainable(dataset.state())
        return uploads.take_made(dataset.about.title, drawn.kept_export(dataset))
    column = exporting.LEARNERS[dataset.about.kind][task]
    if column != "transcription":  # what is said in a clip need not be said in another one
        exporting.require_trainable(dataset.state())
    path = exporting.kept_export(dataset, label_column=column)
    return uploads.take_made(dataset.about.title, path)


def open_in(dataset: DatasetFolder, task: str) -> None:
    """Goes to the task's Data step. Says so where it could not learn from these examples."""
    page = domains.page_of(task)
    with errors.calm(_("The data set could not be handed over.")):
        data_id = take(dataset, task)
        if page:
            st.switch_page(page, query_params={"task": task, "data": data_id, "step": "data"})


def follow_link(tasks: Sequence[str]) -> None:
    """On a domain's page: `?dataset=` in the address brings that data set to the first of the page's tasks that can
    learn from it. Raises InputError."""
    dataset_id = asked_for()
    if dataset_id is None:
        return
    from engines.datasets.exporting import LEARNERS

    dataset = DatasetFolder.find(dataset_id)
    task = next((task for task in tasks if task in LEARNERS[dataset.about.kind]), None)
    if task is None:
        found = _("this page cannot learn from {kind}", kind=dataset.about.kind)
        raise InputError(Problem(_("data set"), found, _("open it on another one")))
    address.put(address.Address(task=task, data=take(dataset, task), step="data"))
    st.rerun()


def offer(task: str) -> None:
    """On a task's Data step: this browser's data sets that it can learn from."""
    from engines.datasets.exporting import LEARNERS

    kinds = [kind for kind, tasks in LEARNERS.items() if task in tasks]
    if kinds:
        with st.expander(_("From my data"), icon=":material/inventory_2:"):
            _offer(task, kinds)


@st.fragment
def _offer(task: str, kinds: list[str]) -> None:
    ids = local_storage.recent(kept="datasets")
    found = [d for i in ids or () if (d := known(i)) and d.about.kind in kinds]
    if ids is not None and not found:
        st.caption(_("No data set of {unit} was made in this browser yet.", unit=registry.task(task).info.unit))
        st.page_link("pages/showing.py", label=_("Make one by showing"), icon=":material/arrow_forward:")
    for dataset in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.plain(dataset.about.title)}**  \n{in_short(dataset)}")
            if st.button(_("Use it"), key=f"use_{dataset.id}", icon=":material/arrow_forward:"):
                with errors.calm(_("The data set could not be handed over.")):
                    data_id = take(dataset, task)
                    address.change(data=data_id, step="data", run=None)
                    st.rerun()


def as_key(dataset: DatasetFolder) -> str:
    """Its id, as it can stand in the key of a component: Streamlit refuses two underscores in a row there."""
    return dataset.id.replace("_", "-")


def known(dataset_id: str) -> DatasetFolder | None:
    """One of this browser's own; None once it is deleted."""
    try:
        found = DatasetFolder.find(dataset_id)
    except InputError:
        return None
    return None if found.only_shown else found


def in_short(dataset: DatasetFolder) -> str:
    """'40 pictures in 2 classes', '20 boxes on 10 pictures'"""
    state = dataset.state()
    if dataset.about.kind == "boxes":
        boxes = words.count(sum(len(item.boxes) for item in state.items), "boxes")
        pictures = words.count(sum(bool(item.boxes) for item in state.items), "pictures")
        rest = _n("{n:,} is not done", "{n:,} are not done", len(state.unlabelled))
        said = _("{boxes} on {pictures}", boxes=boxes, pictures=pictures)
        return f"{said}; {rest}" if state.unlabelled else said
    n, without = sum(n > 0 for n in state.counts.values()), len(state.unlabelled)
    said = _n(
        "{count} in {n:,} class", "{count} in {n:,} classes", n, count=words.count(len(state.items), dataset.about.kind)
    )
    said += _(", {without:,} without a class", without=without) if without else ""
    return said + (_("; {repeated:,} came again", repeated=state.repeated) if state.repeated else "")
