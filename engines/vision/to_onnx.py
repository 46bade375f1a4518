"""A trained image classifier as one ONNX file, handed out only when it answers as the model itself does."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import torch

from engines.export import onnx
from engines.export.parcel import parcel
from engines.vision import images
from engines.vision.predicting import Classifier

MOST_PROBES = 32

SNIPPET = """\
import json, numpy, onnxruntime
labels = json.load(open("config.json", encoding="utf-8"))["label_names"]
session = onnxruntime.InferenceSession("model.onnx")
inputs = numpy.load("inputs.npy")  # float32 (N, 3, height, width), normalised: see README.md
print([labels[best] for best in session.run(None, {"input": inputs})[0].argmax(1)])
"""

USE = """

## This export

`usage.py` shows how to ask model.onnx: it takes float32 `input` (N, 3, {size}, {size}) and gives `logits`
(N, {classes}), in the order of labels.txt. A picture becomes an input so: {framing}, {size} × {size} pixels, RGB
divided by 255, minus {mean}, divided by {std}, channel by channel. Before this file was handed out, its answers were
compared with PyTorch's on {probes}: the largest difference of a logit was {error:.0e}, and each got the same class.
"""
FRAMING = {
    "pad": "the whole picture, centred on a square of its own edge's mean colour",
    "crop": "its middle square, of which the outer {outer:.0%} on each side are left off",
}


def export(run: Path, out: Path) -> Path:
    """model.onnx with configuration, labels, model card and five lines that use it, as a folder or a zip.

    Raises InputError when the run holds no model, when its layers cannot be written as ONNX, and when onnxruntime's
    answers differ from torch's.
    """
    predictor = Classifier(run)
    model, format = predictor.model.cpu(), predictor.format
    predictor.device = torch.device("cpu")
    inputs, probes = probe(run, predictor)
    with parcel(out) as folder:
        write(model, inputs[:2], folder / "model.onnx", run)
        error = largest_difference(model, inputs, folder / "model.onnx", run)
        shutil.copyfile(run / "model" / "config.json", folder / "config.json")
        (folder / "labels.txt").write_text("".join(f"{c}\n" for c in predictor.classes), encoding="utf-8")
        (folder / "usage.py").write_text(SNIPPET, encoding="utf-8")
        use = USE.format(
            size=format.size, classes=len(predictor.classes), mean=list(format.mean), std=list(format.std),
            framing=FRAMING[format.framing].format(outer=(1 - format.crop) / 2), probes=probes, error=error,
        )  # fmt: skip
        (folder / "README.md").write_text((run / "README.md").read_text(encoding="utf-8") + use, encoding="utf-8")
    return out


def probe(run: Path, predictor: Classifier) -> tuple[torch.Tensor, str]:
    """Inputs to compare on, float32 (N, 3, S, S), N >= 2, and what they are: the run's pictures, if it kept some."""
    inputs = []
    for path in sorted((run / "thumbnails").glob("*.jpg"))[:MOST_PROBES]:
        with contextlib.suppress(images.UnreadableImage):
            inputs.append(predictor.inputs(path))
    if len(inputs) > 1:
        return torch.cat(inputs), f"{len(inputs)} pictures of the test"
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (8, 3, predictor.format.stored, predictor.format.stored), generator=generator)
    return predictor.format.plain(pixels.to(torch.uint8)), "8 squares of random pixels, since the run kept no pictures"


def write(model: torch.nn.Module, example: torch.Tensor, path: Path, run: Path) -> None:
    """Writes `path`: input (N, 3, S, S) -> logits (N, C), any N. Raises InputError."""
    onnx.write(model, {"input": example}, path, run, sizes=[{0: torch.export.Dim("n")}])


def largest_difference(model: torch.nn.Module, inputs: torch.Tensor, path: Path, run: Path) -> float:
    """Between torch's and onnxruntime's logits, one batch and one at a time. Raises InputError where they disagree."""
    return onnx.largest_difference(model, [{"input": inputs}, {"input": inputs[:1]}], path, run)
