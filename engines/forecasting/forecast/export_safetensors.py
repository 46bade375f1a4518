"""A trained forecaster to take home, as sktime loads it."""

from __future__ import annotations

import shutil
from pathlib import Path

from engines.contract import Task
from engines.exports import bundle
from engines.forecasting.forecast import model_files
from engines.forecasting.forecast.usage import write as usage
from engines.forecasting.models import hub_models

CARRIED = (
    "models/fracast.py",
    "models/inputs.py",
    "models/rollout.py",
    "models/covariate_regression.py",
    "models/conformal.py",
    "models/sktime_forecaster.py",
)
"""Files of engines/forecasting that an exported forecaster imports."""
CARRIED_WITH_HUB = (*(name for name in CARRIED if "sktime_forecaster" not in name), "models/points.py")
"""Those that the usage.py of a model of the hub does."""


def export(task: Task, run: Path, out: Path) -> Path:
    """Weights, config, the forecaster's code, a script that asks it, model card and recipe: a folder, or a zip when
    `out` says so. Of a fine-tuned model of the hub, its weights in the hub's own format, and what the run knows of its
    series beside them.

    Raises InputError when the run holds no model, or one that was used as it came from the hub.
    """
    hub = hub_models.folder_of(run)
    kept = model_files.load(run)
    if not hub.is_dir():
        model_files.require_own(run, kept)
    with bundle.parcel(out) as folder:
        if hub.is_dir():
            shutil.copytree(hub, folder, dirs_exist_ok=True)
            shutil.copyfile(run / "model" / "config.json", folder / "forecast.json")
            model_files.carry_code(CARRIED_WITH_HUB, folder)
        else:
            bundle.copied([run / "model" / name for name in ("model.safetensors", "config.json")], folder)
            model_files.carry_code(CARRIED, folder)
        usage.write(folder, run, kept.config, hub=hub.is_dir())
        bundle.papers(folder, run, usage.how(kept.config, hub=hub.is_dir()))
    return out
