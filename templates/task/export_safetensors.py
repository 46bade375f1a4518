"""A trained model to take home, with the code that loads it. `details["load_snippet"]` of fit.py says how.

To change: where a library builds your network, leave network.py out; timm's and transformers' configurations do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engines.contract import Task
from engines.exports import bundle, script
from engines.messages import _
from templates.task import network
from templates.task.predict import Classifier
from templates.task.prepare import COLUMNS, LARGEST

HOW = _(
    "```\npip install -r requirements.txt\npython usage.py SIGNALS.csv\n```\n\nprints the "
    "class of each row of a table with the columns {columns} to {columns2}, and how "
    "likely each class is.",
    columns=COLUMNS[0],
    columns2=COLUMNS[-1],
)


def export(task: Task, run: Path, out: Path) -> Path:
    """Weights, classes, network.py, a script that asks it, model card and recipe. Raises InputError."""
    Classifier(run)
    constants = {"columns": COLUMNS, "largest": LARGEST}
    with bundle.parcel(out) as folder:
        bundle.copied([run / "model" / name for name in ("model.safetensors", "config.json")], folder)
        shutil.copyfile(network.__file__, folder / "network.py")
        script.write_usage(folder, __file__, constants, run, ("torch", "numpy", "safetensors"))
        bundle.papers(folder, run, HOW)
    return out
