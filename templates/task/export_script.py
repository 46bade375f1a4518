"""A run as a script that repeats it: what is noted while it trains, and what is made of that later.

To change: what lies beside the script (`record`), and the libraries that it needs. Without script_template.py and the
export 'script' in task.py, this file goes too.
"""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

from engines import weights
from engines.classification import export_script
from engines.classification.fit import ClassificationStudy
from engines.contract import Strategy, Task
from engines.exports import script
from engines.exports.bundle import parcel
from engines.exports.spreadsheet_escape import harmless
from engines.runs import RunFolder
from engines.training.transfer import TrainOutcome
from templates.task import network
from templates.task.prepare import COLUMNS, Prepared
from templates.task.settings import ShapesSettings


def record(study: ClassificationStudy[Prepared, ShapesSettings], outcome: TrainOutcome, value: float) -> None:
    """Writes, beside the model, lesson.json, which is all that the script's RUN holds, and the signals in the run's
    order, to the last digit."""
    prepared, text = study.prepared, io.StringIO()
    part_of = {int(position): part for part, positions in prepared.parts.items() for position in positions}
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["name", "part", "label", *COLUMNS])
    for position, part in sorted(part_of.items()):
        signal = prepared.signals[position]
        rows.writerow([signal.name, part, harmless(signal.label), *signal.values.tolist()])
    study.run.write("model/signals.csv", text.getvalue())
    export_script.keep(export_script.lesson(study, outcome, value), study, outcome)


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, what it reads, and the versions it ran with, as a folder or as a zip. Raises InputError."""
    lesson, known = export_script.lesson_of(run)
    card = task.describe(RunFolder(run).recipe.model)
    if lesson["strategy"] != Strategy.SCRATCH:
        script.require_same_weights(run, card, known)
    with parcel(out) as folder:
        template = Path(__file__).with_name("script_template.py")
        script.write(folder, template, lesson, run, ("torch", "numpy", "safetensors"))
        shutil.copyfile(network.__file__, folder / "network.py")
        shutil.copyfile(run / "model" / "signals.csv", folder / "signals.csv")
        if lesson["strategy"] != Strategy.SCRATCH:
            shutil.copyfile(weights.fetch(card), folder / "pretrained.safetensors")
    return out
