"""What a run is made from, and the command that repeats it; nothing in it is a place on this machine."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from engines.contract import Recipe
from engines.messages import _


def made_from(recipe: Recipe) -> dict[str, Any]:
    return {
        "model": recipe.model if recipe.start is not None else _model(recipe),
        **({} if recipe.start is None else {"start": Path(recipe.start).name}),
        "strategy": recipe.strategy,
        "seed": recipe.seed,
        "settings": recipe.without_data().settings,
        "data_sha256": recipe.data_sha256,
        "versions": recipe.versions,
    }


def _model(recipe: Recipe) -> str:
    """Its name; a run folder that it went on from is a place on this machine, and the key to that run."""
    if recipe.start is not None:
        return "RUN_IT_STARTED_FROM"
    return "MODEL" if Path(recipe.model).is_absolute() else recipe.model


def repeat(recipe: Recipe) -> str:
    command = ["python", "-m", "engines", "fit", recipe.task, "--data", "DATA"]
    command += ["--test", "TEST"] if recipe.test else []
    command += ["--target", "TARGET"] if recipe.target else []
    command += ["--model", _model(recipe), "--strategy", recipe.strategy, "--seed", str(recipe.seed)]
    for name, value in recipe.without_data().settings.items():
        command += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join([*command, "--out", "RUN"])


def went_on(recipe: Recipe) -> str:
    """A sentence behind another one, where it went on from a finished run."""
    if recipe.start is None:
        return ""
    return _(" It went on from a finished run (weights {digest}).", digest=Path(recipe.start).name or _("gone"))
