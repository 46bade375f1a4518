"""A trained text classifier to take home, as Transformers loads it."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from engines.contract import Task
from engines.exports import bundle
from engines.text.sentiment.predict import TextClassifier, apart
from engines.text.sentiment.usage import write as usage

WEIGHTS = {"model.safetensors", "head.safetensors"}


def export(task: Task, run: Path, out: Path) -> Path:
    """Model, tokenizer, config, a script that asks it, model card and recipe, as a folder, or as a zip when `out` ends
    in .zip.

    Raises InputError when the run holds no model.
    """
    classifier = TextClassifier(run)
    kept = [file for file in (run / "model").iterdir() if file.is_file()]
    with bundle.parcel(out) as folder:
        save_file(apart(classifier.network.model.state_dict()), folder / "model.safetensors", metadata={"format": "pt"})
        bundle.copied([file for file in kept if file.name not in WEIGHTS | bundle.FOR_SCRIPTS], folder)
        usage.write(folder, run, classifier, onnx=False)
        bundle.papers(folder, run, usage.how(run, classifier))
    return out
