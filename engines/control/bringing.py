"""What a person brings: a description of the real robot, its MuJoCo model, or logs of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from engines.contract import InputError, Problem
from engines.control import logs
from engines.control.logs import Logs
from engines.control.target import Target

MODELS = {".xml", ".mjcf"}


def read(data: Path, robot: str | None = None) -> Target | Logs:
    """A target (JSON), a MuJoCo model (XML) as one, or logged transitions (anything else). Raises InputError.

    `robot` is the one whose logs or model these are, where they do not tell.
    """
    if not data.exists():
        accepted = "accepted: a target description (JSON), a MuJoCo model (XML), or logs (CSV, NPZ, Minari)"
        raise InputError(Problem(data.name, "there is no such file", accepted))
    if data.suffix.lower() == ".json":
        return Target.read(data)
    if data.suffix.lower() in MODELS:
        from engines.control import mjcf, robots

        return mjcf.read(data, None if robot is None else robots.find(robot))
    return logs.read(data, robot)


def digest(brought: Target | Logs) -> str:
    """SHA-256 of all that matters in it."""
    if isinstance(brought, Target):
        return hashlib.sha256(brought.to_json().encode()).hexdigest()
    return brought.sha256()
