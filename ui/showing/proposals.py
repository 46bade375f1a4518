"""Boxes that a trained detector proposes on a picture: accepted, corrected or taken away one by one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import Box, Item
from engines.jobs.serving import client
from engines.messages import _, _n
from engines.runs import RunFolder
from ui.page import errors, local_storage, recorded, words
from ui.vision.boxed import overlap
from ui.widgets.boxes.widget import Proposal

SECONDS = 120.0
OVERLAP = 0.6
"""Of a box of the same class that is drawn already: more, and the model only says it again."""


def of(dataset: DatasetFolder, item: Item) -> list[Proposal]:
    """What was proposed on this picture and not yet settled."""
    found: list[Proposal] = st.session_state.get(_key(dataset, item.id), [])
    return found


def settle(dataset: DatasetFolder, item_id: str, box_id: str) -> None:
    """That one is accepted or refused: it is no proposal any more."""
    key = _key(dataset, item_id)
    if key in st.session_state:
        st.session_state[key] = [one for one in st.session_state[key] if one.box.id != box_id]


def offer(dataset: DatasetFolder, item: Item, task: str) -> None:
    """Lets a finished run of this browser propose boxes on the picture."""
    runs = _runs(task)
    if not runs:
        st.caption(_("Once a detector is trained on some pictures, it proposes the boxes of the others here."))
        return
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        run = st.selectbox(_("Let a trained detector propose boxes"), runs, format_func=_title, key="proposing_run")
        ask = st.button(_("Propose"), icon=":material/auto_awesome:", key="propose")
        waiting = of(dataset, item)
        if waiting and st.button(_("Accept all"), icon=":material/done_all:", key="accept_all"):
            size = st.session_state.get(f"view_{item.id}", {})
            for one in waiting:
                dataset.draw(item.id, (size["width"], size["height"]), one.box)
                settle(dataset, item.id, one.box.id)
            st.rerun()
    if ask and run:
        with errors.calm(_("The detector could not be asked.")):
            found = _asked(dataset, item, run)
            st.session_state[_key(dataset, item.id)] = found
            st.session_state["proposed"] = len(found)
            st.rerun()
    if (n := st.session_state.pop("proposed", None)) is not None:
        st.caption(
            _n(
                "{n:,} box is proposed: accept, move or remove it.",
                "{n:,} boxes are proposed: accept, move or remove each.",
                n,
            )
        )


def _asked(dataset: DatasetFolder, item: Item, run: str) -> list[Proposal]:
    rows = client.ask({"verb": "predict", "run": run, "data": str(dataset.file(item))}, seconds=SECONDS)["rows"]
    found = []
    for number, one in enumerate(rows[0].get("boxes", []) if rows else []):
        box = Box(f"{run[:8]}-{item.id[:8]}-{number}", one["label"], *map(float, one["box"]))
        drawn = [(known.x0, known.y0, known.x1, known.y1) for known in item.boxes if known.label == box.label]
        if not any(overlap(known, one["box"]) > OVERLAP for known in drawn):
            found.append(Proposal(box, float(one["score"])))
    return found


def _runs(task: str) -> list[str]:
    """Ids of this browser's finished runs of the task, the newest first."""
    found = []
    for run_id in local_storage.recent() or ():
        try:
            run = RunFolder.find(run_id)
        except InputError:
            continue
        if run.recipe.task == task and recorded.finished(run):
            found.append(run_id)
    return found


def _title(run_id: str) -> str:
    finished: Any = recorded.finished(RunFolder.find(run_id))
    return _("{model}, {moment}", model=finished.result.model, moment=words.moment(finished.finished))


def _key(dataset: DatasetFolder, item_id: str) -> str:
    return f"proposed_{dataset.id}_{item_id}"
