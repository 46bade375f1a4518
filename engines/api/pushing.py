"""A finished run's model onto a hub."""

from __future__ import annotations

import tempfile
from pathlib import Path

from engines.api.using import task_of
from engines.exports import push as hub


def push(run: str | Path, to: str, token: str, *, format: str | None = None, private: bool = True) -> str:
    """Sends the model's export to the repository `to` (OWNER/NAME), with its model card; the repository's address.

    What leaves holds none of the data: see `exports.push.OF_A_MODEL`. Raises InputError where nothing may or can be
    sent, or the hub does not take it.
    """
    task = task_of(run)
    chosen = hub.require_possible(task, to, format)
    with tempfile.TemporaryDirectory(prefix="headstart-push-") as place:
        folder = task.export(Path(run), chosen, Path(place) / "model")
        return hub.upload(folder, to, token, private=private)
