"""Writes the frozen backbones that recorded runs are asked through on a host without torch: showcase/backbones/*.onnx.

    python scripts/showcase_backbones.py

Weights are stored in float16 and multiplied in float32, which halves the files; for each recorded run of a head it says
by how much the answers differ from those that were recorded with torch.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import paths, registry
from engines.exports.onnx import write
from engines.runs import RunFolder
from engines.vision.classification.predict import Classifier
from engines.vision.classification.predict_light import LightClassifier
from engines.vision.images import reading

SMALL = 256
"""Tensors of fewer numbers stay as they are."""


class Features(torch.nn.Module):
    """A timm network without its head."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model.forward_head(self.model.forward_features(x), pre_logits=True)  # type: ignore[operator]


def halved(path: Path, out: Path) -> None:
    """The ONNX file with its large weights in float16, each behind a cast that ONNX Runtime does once, as it loads."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]  # shapes of everything in between: half of what is not weights
    onnx.checker.check_model(model)
    out.parent.mkdir(exist_ok=True)
    onnx.save(model, out)


def main() -> int:
    index = json.loads((paths.showcase() / "index.json").read_text(encoding="utf-8"))
    runs = [RunFolder.find(entry["id"]) for entry in index if entry["task"] == "vision.classification"]
    written = set()
    for run in runs:
        config = json.loads((run.path / "model" / "config.json").read_text(encoding="utf-8"))
        name = config["architecture"]
        if name not in written:
            written.add(name)
            predictor = Classifier(run.path)
            size = predictor.format.size
            with tempfile.TemporaryDirectory() as scratch:
                plain = Path(scratch) / "plain.onnx"
                sizes = [{0: torch.export.Dim("n")}]
                example = {"input": torch.zeros(2, 3, size, size)}
                write(Features(predictor.model).eval(), example, plain, run.path, sizes=sizes, output="features")
                out = paths.showcase() / "backbones" / f"{name}.onnx"
                halved(plain, out)
            print(f"{out.name}: {out.stat().st_size / 1e6:.1f} MB")
        compare(run)
    return 0


def compare(run: RunFolder) -> None:
    """Says how far torch's and the light answers are apart on the pictures that the run kept; where it could keep
    none for their licence, on those of its sample."""
    task = registry.task(run.recipe.task)
    heavy, light = task.load(run.path), LightClassifier(run.path)
    apart, same, n = 0.0, 0, 0
    pictures = sorted((run.path / "thumbnails").glob("*.jpg"))
    if not pictures and task.has_sample(run.recipe.data):
        pictures = sorted(task.make_sample(run.recipe.data, paths.samples() / run.recipe.task).rglob("*.png"))
    for picture in pictures:
        try:
            (row,) = heavy.predict(picture)
        except reading.UnreadableImage:
            continue
        found = light.probabilities(picture)
        apart = max(apart, float(np.abs(found - np.array(list(row["probabilities"].values()))).max()))
        same += light.classes[int(found.argmax())] == row["label"]
        n += 1
    print(f"{run.id}: {same} of {n} pictures get the same class; a probability differs by {apart:.4f} at most")


if __name__ == "__main__":
    sys.exit(main())
