"""Samples, taken on a page: made where they are not there yet, with a bar."""

from __future__ import annotations

from pathlib import Path

from engines import paths
from engines.messages import _
from ui.page import uploads, waiting


def taken(task: str, name: str) -> str:
    """The id of a sample of that task, see `uploads.take_sample`. Raises InputError and ServerFailed."""
    from engines.jobs.serving import client

    question = {"verb": "sample", "task": task, "name": name, "out": str(paths.samples() / task)}
    path = waiting.with_bar(_("Getting the sample"), lambda tell: client.ask(question, tell)["path"])
    return uploads.take_sample(task, name, Path(path))
