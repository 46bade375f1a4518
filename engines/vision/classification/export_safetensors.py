"""A trained image classifier to take home, as timm loads it."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from engines.contract import Task
from engines.exports import bundle
from engines.runs import no_model
from engines.vision.classification import predict
from engines.vision.classification.usage import write as usage


def export(task: Task, run: Path, out: Path) -> Path:
    """Model, config, a script that asks it, model card and recipe, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError when the run holds no model.
    """
    model = run / "model"
    try:
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        state = predict.weights_of(model, config)
    except FileNotFoundError:
        raise no_model(run) from None
    with bundle.parcel(out) as folder:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        bundle.copied([model / "config.json", *model.glob("shallow.py"), *model.glob("tower.py")], folder)
        usage.write(folder, run, onnx=False)
        bundle.papers(folder, run, usage.HOW)
    return out
