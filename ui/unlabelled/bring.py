"""What is to be looked through: files of one's own, or a sample."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Sample
from engines.messages import _
from ui.page import errors, samples, uploads
from ui.page.frame import card
from ui.unlabelled import found
from ui.unlabelled.desk import TASKS, Desk

MOST_SAMPLES = 4
KIND = "unlabelled_kind"


def show() -> None:
    kind = st.segmented_control(
        _("What do you have?"), list(TASKS), default="pictures", format_func=str.capitalize, required=True, key=KIND
    )
    task = TASKS[kind or "pictures"]
    info = registry.task(task).info
    left, right = st.columns([3, 2])
    with left, card(_("Bring {kind} without labels", kind=kind if kind == "series" else info.unit)):
        st.caption(_("They stay on this machine, under an address that only you know."))
        files = st.file_uploader(
            _("Your {kind}", kind=kind),
            type=list(info.accepts),
            accept_multiple_files=True,
            label_visibility="collapsed",
            key=f"unlabelled_{kind}",
        )
        if files:
            _take(task, files)
        st.caption(_formats(kind or "pictures"))
    with right, card(_("Nothing at hand? Take a sample")):
        own = [(task, sample) for sample in registry.task(task).samples()[:MOST_SAMPLES]]
        for number, (of, sample) in enumerate(own + _of_others(task)):
            _sample(task, of, sample, first=number == 0)


def _of_others(task: str) -> list[tuple[str, Sample]]:
    """Samples of other tasks whose data are texts to look through: pairs, and conversations."""
    if task != TASKS["texts"]:
        return []
    others = [name for name in registry.TASKS if registry.task(name).info.explored_as == task]
    return [(name, sample) for name in others for sample in registry.task(name).samples()]


def _formats(kind: str) -> str:
    return {
        "pictures": _("Pictures, or a zip of them. Folders are no labels here: what they say is set aside."),
        "texts": _(
            "A table with a column of texts, or a text file with one a line. Of pairs and of questions with their "
            "answers you choose which column is looked at."
        ),
        "sounds": _("Sound files, or a zip of them. What lies together is decided by the voice, not by the words."),
        "series": _("A table of series. Of fewer than eight series, stretches of them are looked at."),
    }[kind]


def _take(task: str, files: list[Any]) -> None:
    data_id = None
    with errors.calm(_("The upload could not be kept."), _("Try again, or take a sample.")):
        info = registry.task(task).info
        whole = [f".{ending}" for ending in info.whole or info.accepts]
        data_id = uploads.keep(files, whole)
        _looked_at(task, data_id)
    if data_id is not None:
        uploads.forget(data_id)  # what could not be read is not kept


def _sample(task: str, of: str, sample: Sample, first: bool) -> None:
    """A sample of the task `of`, to be looked through as data of `task`."""
    here = registry.task(of).has_sample(sample.name)
    with st.container(gap="xsmall"):
        made_up = "" if sample.real else _(" · synthetic: made up, not observed")
        st.markdown(f"**{sample.title}**  \n{sample.description}")
        st.caption(f"{sample.origin} · {sample.licence}{made_up}")
        if st.button(
            _("Look through this sample"),
            key=f"look_through_{sample.name}",
            type="primary" if first else "secondary",
            icon=":material/travel_explore:",
            disabled=not here,
        ):
            with errors.calm(
                _("The sample could not be looked through."), _("Try another sample, or bring your own data.")
            ):
                _looked_at(task, samples.taken(of, sample.name))
        if not here:
            st.caption(_(":material/block: Not on this machine. To have it, {needs}.", needs=sample.needs))


def _looked_at(task: str, data_id: str) -> None:
    """Looks at the data while the bar is here, and shows what was found."""
    found.find(Desk(task, data_id, None), None)
    st.query_params.from_dict({"task": task, "data": data_id})
    st.rerun()
