"""What is looked through, as the address says it: ?task= and ?data= or ?dataset=, ?column=, ?groups=, ?view=.

Labels are the events of a data set made in the app (`engines.datasets`), whose id is in the address as ?dataset=. What
was found lies beside the upload, or in the data set's cache, in a folder `look_through`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engines import registry, runs
from engines.contract import InputError, Problem
from engines.datasets.folder import DatasetFolder
from engines.messages import _
from ui.page import uploads

TASKS = {
    "pictures": "vision.classification",
    "texts": "text.sentiment",
    "sounds": "speech.speaker",
    "series": "forecasting.forecast",
}
"""What is looked through -> the task that knows how to read it."""
VIEWS = ("map", "groups", "odd", "label")
LEFT_OUT = "left_out.json"


@dataclass(frozen=True)
class Desk:
    """Data that are looked through."""

    task: str
    data: str | None
    """Id of an upload; None for a data set made in the app."""
    dataset: DatasetFolder | None
    """Where labels go, once there are any."""
    column: str | None = None
    """Of a table with several columns of texts, the one that a person chose."""

    @property
    def unit(self) -> str:
        return "series" if self.task == TASKS["series"] else registry.task(self.task).info.unit

    @property
    def title(self) -> str:
        if self.data:
            return uploads.origin(self.data).title
        assert self.dataset
        return self.dataset.about.title

    @property
    def sample(self) -> str | None:
        """The name of the sample that these data are."""
        return uploads.origin(self.data).sample if self.data else None

    @property
    def folder(self) -> Path:
        """Where what was found is kept."""
        if self.data:
            return uploads.folder(self.data) / "look_through"
        assert self.dataset
        return self.dataset.path / "cache" / "look_through"

    def path(self) -> Path:
        """The data themselves: of a data set made in the app, its examples as they stand."""
        if self.data:
            return Path(uploads.origin(self.data).path)
        assert self.dataset
        return _laid_out(self.dataset)

    @property
    def left_out(self) -> frozenset[str]:
        """The ids of the examples that are to be no part of anything."""
        try:
            return frozenset(json.loads((self.folder / LEFT_OUT).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return frozenset()

    def leave_out(self, ids: Iterable[str], back: bool = False) -> None:
        """Leaves these examples out, or takes them back in."""
        now = self.left_out - set(ids) if back else self.left_out | set(ids)
        partial = self.folder / f".{LEFT_OUT}.{os.getpid()}"
        partial.write_text(json.dumps(sorted(now)), encoding="utf-8")
        partial.replace(self.folder / LEFT_OUT)


def read() -> Desk | None:
    """The desk of this address; None where nothing was brought. Raises InputError for data that are gone, and for
    a data set that is only shown."""
    query = st.query_params
    data, dataset_id = query.get("data", ""), query.get("dataset", "")
    dataset = DatasetFolder.find(dataset_id) if dataset_id else None
    if dataset:
        dataset.require_owner()  # this page labels
    if runs.ID.fullmatch(data):
        uploads.folder(data)
        task = query.get("task", "")
        return Desk(task if task in TASKS.values() else TASKS["pictures"], data, dataset, query.get("column"))
    if dataset and dataset.about.kind not in TASKS:
        found = _("this page does not look through {kind}", kind=dataset.about.kind)
        raise InputError(Problem(_("data set"), found, _("open it under My data")))
    return Desk(TASKS[dataset.about.kind], None, dataset) if dataset else None


def put(**changes: Any) -> None:
    """Changes part of the address; None takes a part away."""
    now = {**{name: st.query_params[name] for name in st.query_params}, **changes}
    st.query_params.from_dict({name: str(value) for name, value in now.items() if value is not None})


def view() -> str:
    """What is shown: one of VIEWS."""
    found = st.query_params.get("view", "")
    return found if found in VIEWS else VIEWS[0]


def groups() -> int | None:
    """How many groups a person asked for."""
    found = st.query_params.get("groups", "")
    return int(found) if found.isdecimal() and len(found) < 4 else None


def labels_of(desk: Desk, known: Collection[str]) -> dict[str, str]:
    """Id -> class of the labelled examples among the `known` ids, in the order in which they were labelled."""
    if desk.dataset is None:
        return {}
    return {item.id: item.label for item in desk.dataset.state().labelled if item.label and item.id in known}


def _laid_out(dataset: DatasetFolder) -> Path:
    """A folder that holds the data set's examples as they stand, or a table of its texts."""
    state = dataset.state()
    ids = sorted(item.id for item in state.items)
    out = dataset.path / "cache" / f"examples-{hashlib.sha256(repr(ids).encode()).hexdigest()[:16]}"
    if dataset.about.kind == "texts":
        out.parent.mkdir(exist_ok=True)
        with (table := out.with_suffix(".csv")).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text"], *([dataset.text(item)] for item in state.items)])
        return table
    out.mkdir(parents=True, exist_ok=True)
    for item in state.items:
        link = out / f"{item.id}{item.suffix}"
        if not link.exists():
            os.link(dataset.file(item), link)
    return out
