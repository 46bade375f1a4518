"""Which launcher this installation has: one line a kind of cluster, imported when it is chosen."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from engines.contract import InputError, Problem
from engines.jobs.launchers.contract import Launcher
from engines.jobs.launchers.elsewhere import ClusterLauncher
from engines.messages import _

LOCAL = "local"
CLUSTERS = {"ray": "engines.jobs.launchers.ray:Ray", "slurm": "engines.jobs.launchers.slurm:Slurm"}
"""What HEADSTART_LAUNCHER may name beside "local" -> module:Class."""


def cluster() -> Launcher | None:
    """The launcher of the cluster that HEADSTART_LAUNCHER names; None where runs are started on this machine.

    Raises InputError where it names none, and where what that cluster needs is not set.
    """
    chosen = os.environ.get("HEADSTART_LAUNCHER", "").strip() or LOCAL
    if chosen == LOCAL:
        return None
    if chosen not in CLUSTERS:
        raise InputError(
            Problem(
                _("environment variable {variable}", variable="HEADSTART_LAUNCHER"),
                _("found {chosen!r}", chosen=chosen),
                _("accepted: {launchers}", launchers=", ".join([LOCAL, *CLUSTERS])),
            )
        )
    module, _unused, name = CLUSTERS[chosen].partition(":")
    return ClusterLauncher(getattr(importlib.import_module(module), name)())


def queue_folder(home: Path) -> Path:
    """HEADSTART_QUEUE: where the queue's database lies; by default the home. SQLite needs a disk of this machine: where
    a cluster shares the home, this is another folder. What is lost with it is found again in the run folders."""
    return Path(os.environ.get("HEADSTART_QUEUE") or home).absolute()
