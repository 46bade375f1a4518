"""What a worker on another machine is told, through the folder that both share.

A ticket is a file that this machine writes and that one takes, once: so a run is started once whatever a cluster does
with its job, one that was withdrawn is never started, and a folder that is not shared is noticed before anything runs.
Neither the run's id, which is the key to it, nor anything else of a user's stands in a command line or at the cluster.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engines import paths
from engines.runs import RunFolder

LAUNCH = "launch.json"
NO_TICKET = 66
"""Exit status of a worker that finds no such ticket: the folder is not shared, or it was withdrawn (sysexits.h)."""
TAKEN_ALONG = ("HEADSTART", "HF_", "MLFLOW_", "TORCH_HOME", "TRANSFORMERS_OFFLINE")
"""How the variables begin that a worker elsewhere gets, as one here does."""
LEFT_HERE = {"HEADSTART_OPERATOR_TOKEN", "HEADSTART_INSTRUCTOR_TOKEN", "HEADSTART_RAY_TOKEN_FILE"}


@dataclass(frozen=True)
class Launch:
    """Of a run: how it was given to a cluster."""

    launcher: str
    job: str
    """As the cluster calls it."""
    ticket: str
    tries: int = 1
    """Times that this was asked of the cluster since the run was queued."""
    host: str = ""
    """The machine that its worker is on; empty until it is."""
    ended: bool = False


def folder() -> Path:
    """Where tickets lie: files of their owner alone."""
    place = paths.private_home() / "launches"
    place.mkdir(exist_ok=True, mode=paths.PRIVATE_FOLDER)
    return place


def write(run: RunFolder) -> str:
    """A new ticket for that run; its name tells nothing of it. Raises OSError."""
    name = secrets.token_hex(16)
    order = {"run": str(run.path), "environment": taken_along(os.environ)}
    partial = folder() / f".{name}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(order, file)
    partial.rename(folder() / name)
    return name


def take(name: str) -> tuple[RunFolder, dict[str, str]] | None:
    """What the ticket says: the run, and its worker's environment; it is gone then. None where there is none."""
    mine = folder() / f".{name}.taken"
    try:
        (folder() / name).rename(mine)
        order = json.loads(mine.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    mine.unlink()
    return RunFolder(Path(order["run"])), dict(order["environment"])


def withdraw(name: str) -> bool:
    """Takes a ticket back; False where a worker has it already, or nobody has."""
    try:
        (folder() / name).unlink()
    except FileNotFoundError:
        return False
    return True


def waits(name: str) -> bool:
    return (folder() / name).exists()


def taken_along(environment: Mapping[str, str]) -> dict[str, str]:
    names = {name for name in environment if name.startswith(TAKEN_ALONG)} - LEFT_HERE
    return {**{name: environment[name] for name in sorted(names)}, "HEADSTART_HOME": str(paths.home())}


# --- what a run says of it ------------------------------------------------------------------------


def launch_of(run: RunFolder) -> Launch | None:
    """How the run was last given to a cluster; None where it never was."""
    try:
        return Launch(**json.loads((run.path / LAUNCH).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def note(run: RunFolder, launch: Launch) -> None:
    run.write(LAUNCH, json.dumps(asdict(launch)))


def note_host(run: RunFolder, ticket: str, host: str) -> None:
    """Said by the worker, once it is there."""
    if (launch := launch_of(run)) and launch.ticket == ticket:
        note(run, replace(launch, host=host))
