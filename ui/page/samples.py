"""Samples, taken on a page: made where they are not there yet, with a bar. And links that name one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from engines import paths
from engines.messages import _
from engines.rooms import asides, members
from ui.page import address, uploads, visitor, waiting

NAMED = "sample"
"""In an address: the sample that a link begins with. It becomes data as soon as somebody follows the link."""


def link(
    task: str, sample: str, step: str = "strategy", strategy: str = "", further: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The address, as a query, at which a task's page opens at a step with that sample taken and that much chosen."""
    query = {"task": task, NAMED: sample, "step": step, "strategy": strategy}
    return {name: value for name, value in {**query, **(further or {})}.items() if value}


def named() -> str | None:
    """The sample that this address names, where it has no data or run of its own."""
    name, here = st.query_params.get(NAMED, "")[:80], address.read()
    return name if name and here.data is None and here.run is None else None


def taken(task: str, name: str) -> str:
    """The id of a sample of that task, see `uploads.take_sample`; in a room that keeps a part of it aside, of the rest.
    Raises InputError and ServerFailed."""
    found = members.of_visitor(visitor.myself())
    aside = asides.of(found[0], task, name) if found else None
    return uploads.take_sample(task, name, aside.learn if aside else made(task, name))


def made(task: str, name: str) -> Path:
    """Where the whole sample lies, made now or before. Raises InputError and ServerFailed."""
    from engines.jobs.serving import client

    question = {"verb": "sample", "task": task, "name": name, "out": str(paths.samples() / task)}
    return Path(waiting.with_bar(_("Getting the sample"), lambda tell: client.ask(question, tell)["path"]))
