"""A trained image classifier as one ONNX file, handed out only when it answers as the model itself does."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

from engines.contract import Task
from engines.exports import bundle, onnx
from engines.messages import _, told
from engines.vision.classification.predict import Classifier
from engines.vision.classification.usage import write as usage
from engines.vision.images import reading

MOST_PROBES = 32

USE = _("""\
{how}

model.onnx takes float32 `input` (N, 3, {size}, {size}) and gives `logits` (N, {classes}), in the order of labels.txt. A
picture becomes an input so: {framing}, {size} × {size} pixels, RGB divided by 255, minus {mean}, divided by {std},
channel by channel. Before this file was handed out, its answers were compared with PyTorch's on {probes}: the largest
difference of a logit was {error:.0e}, and each got the same class.
""")
FRAMING = {
    "pad": _("the whole picture, centred on a square of its own edge's mean colour"),
    "crop": _("its middle square, of which the outer {outer:.0%} on each side are left off"),
}


def export(task: Task, run: Path, out: Path) -> Path:
    """model.onnx with configuration, labels, model card, recipe and a script that asks it, as a folder or a zip.

    Raises InputError when the run holds no model, when its layers cannot be written as ONNX, and when onnxruntime's
    answers differ from torch's.
    """
    predictor = Classifier(run)
    format = predictor.format
    with bundle.parcel(out) as folder:
        probes, error = model_into(folder, run, predictor)
        bundle.copied([run / "model" / "config.json"], folder)
        (folder / "labels.txt").write_text("".join(f"{c}\n" for c in predictor.classes), encoding="utf-8")
        usage.write(folder, run, onnx=True)
        use = USE.format(
            how=usage.HOW,
            size=format.size,
            classes=len(predictor.classes),
            mean=list(format.mean),
            std=list(format.std),
            framing=told(FRAMING)[format.framing].format(outer=(1 - format.crop) / 2),
            probes=probes,
            error=error,
        )
        bundle.papers(folder, run, use, load=onnx.load_lines("model.onnx"))
    return out


def model_into(folder: Path, run: Path, predictor: Classifier) -> tuple[str, float]:
    """Writes model.onnx; what it was compared with the model on, and the largest difference of a logit. Raises
    InputError, see `export`."""
    model = predictor.model.cpu()
    predictor.device = torch.device("cpu")
    inputs, probes = probe(run, predictor)
    write(model, inputs[:2], folder / "model.onnx", run)
    return probes, largest_difference(model, inputs, folder / "model.onnx", run)


def probe(run: Path, predictor: Classifier) -> tuple[torch.Tensor, str]:
    """Inputs to compare on, float32 (N, 3, S, S), N >= 2, and what they are: the run's pictures, if it kept some."""
    inputs = []
    for path in sorted((run / "thumbnails").glob("*.jpg"))[:MOST_PROBES]:
        with contextlib.suppress(reading.UnreadableImage):
            inputs.append(predictor.inputs(path))
    if len(inputs) > 1:
        return torch.cat(inputs), _("{inputs} pictures of the test", inputs=len(inputs))
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (8, 3, predictor.format.stored, predictor.format.stored), generator=generator)
    return predictor.format.plain(pixels.to(torch.uint8)), _(
        "8 squares of random pixels, since the run kept no pictures"
    )


def write(model: torch.nn.Module, example: torch.Tensor, path: Path, run: Path) -> None:
    """Writes `path`: input (N, 3, S, S) -> logits (N, C), any N. Raises InputError."""
    onnx.write(model, {"input": example}, path, run, sizes=[{0: torch.export.Dim("n")}])


def largest_difference(model: torch.nn.Module, inputs: torch.Tensor, path: Path, run: Path) -> float:
    """Between torch's and onnxruntime's logits, one batch and one at a time. Raises InputError where they disagree."""
    return onnx.largest_difference(model, [{"input": inputs}, {"input": inputs[:1]}], path, run)
