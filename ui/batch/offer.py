"""Many new examples for a finished model, brought below its result: a zip, a folder, files, or a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from engines.contract import Job, TaskInfo
from engines.hosting import limits
from engines.messages import _
from ui.page import again, errors, recorded, uploads

TABLES = ("csv", "tsv", "txt", "jsonl", "json", "parquet", "xlsx")


def show(info: TaskInfo, found: recorded.Finished) -> None:
    """Folded away; nothing where the model is not here to be asked."""
    if limits.showcase() or not (found.run.path / "model").is_dir():
        return
    with st.expander(_("Ask it about many"), icon=":material/stacks:", key="ask_many"):
        st.fragment(_bring)(info, found)


def _bring(info: TaskInfo, found: recorded.Finished) -> None:
    st.caption(
        _(
            "{what}: what cannot be read is named and left out. The answers come as a table to look through, and as "
            "CSV and Parquet to take along.",
            what=_what(info),
        )
    )
    whole = st.toggle(_("A whole folder"), key="many_folder")
    files = st.file_uploader(
        _("New {unit}", unit=info.unit),
        accept_multiple_files="directory" if whole else True,
        key="many_files_of_folder" if whole else "many_files",
        label_visibility="collapsed",
    )
    if st.button(
        _("Ask about these"), icon=":material/play_arrow:", type="primary", disabled=not files, key="many_ask"
    ):
        ask(info, found, list(files or []))


def _what(info: TaskInfo) -> str:
    if _by_table(info):
        return _("A table of any size (CSV, Parquet, XLSX and the like), or a zip with one")
    return _("A zip, a folder or files, as many as you like")


def _by_table(info: TaskInfo) -> bool:
    """Whether an example of this task is a row of a table and not a file of its own."""
    return info.whole is None and any(ending in TABLES for ending in info.accepts)


def ask(info: TaskInfo, found: recorded.Finished, files: Sequence[Any]) -> None:
    """Keeps the files, queues the questions, and shows the page of that run."""
    with errors.calm(_("The files could not be kept.")):
        whole = [f".{ending}" for ending in (info.accepts if _by_table(info) else ("zip",))]
        data_id = uploads.keep(files, whole)
        brought = uploads.origin(data_id)
        own = found.recipe.without_data()
        recipe = replace(own.again(own.settings), data=brought.path, title=brought.title, test=None, target=None)
        again.submit(Job(recipe, "predict", {"run": found.run.id}), _("The model could not be asked."))
