"""Which queue this installation has: one line a backend, imported when it is chosen."""

from __future__ import annotations

import importlib
import os
import threading
import time
from pathlib import Path

from engines import paths, trash
from engines.contract import InputError, Problem
from engines.hosting import limits as hosting_limits
from engines.hosting import usage
from engines.jobs import cleanup, limits
from engines.jobs.contract import JobBackend
from engines.jobs.showcase import ShowcaseBackend
from engines.messages import _
from engines.runs import ID, RunFolder

BACKENDS = {"local": "engines.jobs.local.backend:LocalBackend"}
"""What HEADSTART_BACKEND may name -> module:Class."""


def backend() -> JobBackend:
    """The queue of this installation, the same one at every call. Never imports torch.

    Where only recorded runs are shown it is one that takes none. Raises InputError where HEADSTART_BACKEND names none
    of BACKENDS.
    """
    if hosting_limits.showcase():
        return ShowcaseBackend()
    chosen = os.environ.get("HEADSTART_BACKEND", "").strip() or "local"
    if chosen not in BACKENDS:
        accepted = _("accepted: {backends}", backends=", ".join(BACKENDS))
        raise InputError(
            Problem(_("environment variable HEADSTART_BACKEND"), _("found {chosen!r}", chosen=chosen), accepted)
        )
    key = chosen, paths.home()  # another home only in tests
    with _opening:
        if key not in _open:
            module, _unused, name = BACKENDS[chosen].partition(":")
            _open[key] = getattr(importlib.import_module(module), name)()
        return _open[key]


_open: dict[tuple[str, Path], JobBackend] = {}
_opening = threading.Lock()


def delete(jobs: JobBackend, run_id: str, *, undo: bool = False) -> None:
    """Cancels a run if need be and removes its folder, and what only it used (`cleanup.remove`); with `undo`, `restore`
    brings it back for a while. Raises InputError for a recorded run that comes with Headstart, for an id that only
    shows a run, and when the run won't stop.
    """
    cleanup.purge()
    run = RunFolder.find(run_id)
    run.require_owner()
    if run.path.parent != paths.runs():
        raise InputError(
            Problem("run", _("this recorded run belongs to Headstart"), _("only your own runs can be deleted"))
        )
    deadline = time.monotonic() + limits.grace_seconds() + 10
    status = jobs.cancel(run_id)
    while not status.state.finished:
        if time.monotonic() > deadline:
            raise InputError(Problem("run", _("it has not stopped yet"), _("try again in a moment")))
        time.sleep(0.05)
        status = jobs.status(run_id)
    while run.path.exists():
        try:
            trash.put_aside(run.path)
        except PermissionError:  # Windows, until the worker has let go of its log
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    if not undo:
        cleanup.remove(trash.aside(run.path))


def delete_all_of(jobs: JobBackend, owner: str) -> int:
    """Deletes for good every run of a visitor, what it brought, and what is known of its day; how many runs there were.
    Raises InputError as `delete` does."""
    if not owner:
        raise InputError(Problem("visitor", _("nobody is named"), _("a visitor of a public host")))
    owned = [run for run in cleanup.runs() if RunFolder(run).job.owner == owner]
    for run in owned:
        if trash.is_aside(run):
            cleanup.remove(run)
        else:
            delete(jobs, run.name)
    cleanup.remove_brought_by(owner)
    usage.forget(owner)
    jobs.forget(owner)
    return len(owned)


def restore(run_id: str) -> None:
    """Brings back a run that was deleted with `undo`. Raises InputError when it is too late."""
    if not ID.fullmatch(run_id) or not trash.bring_back(paths.runs() / run_id):
        raise InputError(Problem("run", _("it is deleted for good"), _("only the last few minutes can be undone")))
