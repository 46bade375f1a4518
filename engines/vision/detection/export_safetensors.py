"""A trained detector to take home: weights, the network's code, and a script that asks it."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from engines.contract import Task
from engines.exports import bundle
from engines.vision.detection.predict import Finder
from engines.vision.detection.usage import write as usage


def export(task: Task, run: Path, out: Path) -> Path:
    """Model, config, detector.py, usage.py, model card and recipe, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError when the run holds no model.
    """
    finder, model = Finder(run), run / "model"
    state = {name: tensor.cpu().clone().contiguous() for name, tensor in finder.model.state_dict().items()}
    with bundle.parcel(out) as folder:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        bundle.copied([model / name for name in ("config.json", "detector.py")], folder)
        usage.write(folder, run, onnx=False)
        bundle.papers(folder, run, usage.HOW)
    return out
