"""A trained detector as one ONNX file, handed out only when it finds the same boxes as the model itself."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from engines.contract import Task
from engines.exports import bundle, onnx
from engines.messages import _
from engines.vision.detection.networks import decode
from engines.vision.detection.predict import Finder
from engines.vision.detection.usage import write as usage
from engines.vision.images import reading

MOST_PROBES = 16
SAME_BOX = 0.9
"""Overlap from which on a box of the file is that of the model."""
USE = _("""\
{how}

model.onnx takes float32 `input` (N, 3, {size}, {size}) and gives `places` (N, {places}, {outputs}): {each}. `usage.py`
makes boxes of that in numpy. A picture becomes an input so: the whole of it, centred on a square of its own edge's mean
colour, {size} × {size} pixels, RGB divided by 255, minus {mean}, divided by {std}, channel by channel. Before this file
was handed out it was compared with PyTorch on {probes}: the largest difference of a number was {error:.0e}, and
{boxes:,} boxes were the same.
""")


OF_PYRAMIDS = _("""\
for each place of the pyramid (strides 16, 32 and 64, the finest first, row by row) a logit a class in the order of
labels.txt, the distances to the left, upper, right and lower edge in strides, and the logit of how central it is""")
OF_BOXES = _("""\
for each place, or each query, a box (x0, y0, x1, y1 in pixels of the input) and how sure each class is, in [0, 1], in
the order of labels.txt; one thing may be there more than once""")


def export(task: Task, run: Path, out: Path) -> Path:
    """model.onnx with configuration, labels, model card, recipe and a script that asks it, as a folder or a zip.

    Raises InputError when the run holds no model, when its layers cannot be written as ONNX, and when onnxruntime
    finds other boxes than torch.
    """
    finder = Finder(run)
    model, format = finder.model.cpu(), finder.format
    if finder.config["architecture"].startswith("fasterrcnn"):
        raise onnx.refusal(run, _("its second stage reads as many regions as the first finds, which ONNX cannot say"))
    if hasattr(model, "most"):
        model.most = None  # type: ignore[assignment]  # all places in their order, so that they can be compared one by one
    finder.device = torch.device("cpu")
    inputs, probes = probe(run, finder)
    with bundle.parcel(out) as folder:
        file = folder / "model.onnx"
        onnx.write(model, {"input": inputs[:2]}, file, run, sizes=[{0: torch.export.Dim("n")}], output="places")
        batches = [{"input": inputs}, {"input": inputs[:1]}]
        error = onnx.largest_difference(model, batches, file, run, output="places")
        boxes = same_boxes(finder, inputs, file, run)
        bundle.copied([run / "model" / "config.json"], folder)
        (folder / "labels.txt").write_text("".join(f"{name}\n" for name in finder.classes), encoding="utf-8")
        usage.write(folder, run, onnx=True)
        with torch.no_grad():
            said = model(inputs[:1])
        use = USE.format(
            how=usage.HOW,
            size=format.size,
            places=said.shape[1],
            outputs=said.shape[2],
            each=OF_PYRAMIDS if finder.family.NAME == "pyramid" else OF_BOXES,
            mean=list(format.mean),
            std=list(format.std),
            probes=probes,
            error=error,
            boxes=boxes,
        )
        bundle.papers(folder, run, use, load=onnx.load_lines("model.onnx"))
    return out


def probe(run: Path, finder: Finder) -> tuple[torch.Tensor, str]:
    """Inputs to compare on, float32 (N, 3, S, S), N >= 2, and what they are: the run's pictures, if it kept some."""
    found = []
    for path in sorted((run / "thumbnails").glob("*.jpg"))[:MOST_PROBES]:
        with contextlib.suppress(reading.UnreadableImage):
            found.append(finder.inputs(path)[0].cpu())
    if len(found) > 1:
        return torch.cat(found), _("{n} pictures of the test", n=len(found))
    side = finder.format.size
    pixels = torch.randint(256, (4, 3, side, side), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return finder.format.plain(pixels), _("4 squares of random pixels, since the run kept no pictures")


def same_boxes(finder: Finder, inputs: torch.Tensor, file: Path, run: Path) -> int:
    """How many boxes torch and onnxruntime find alike. Raises InputError where one finds what the other does not."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    model, size = finder.model, finder.format.size
    with torch.no_grad():
        ours = model(inputs).numpy()
    theirs = np.asarray(session.run(["places"], {"input": inputs.contiguous().numpy()})[0])
    count = 0
    for own, other in zip(ours, theirs, strict=True):
        boxes, scores, labels, _broken = finder.family.boxes_of(model, own, size)
        again, _scores, same, _broken = finder.family.boxes_of(model, other, size)
        clear = scores > decode.FLOOR * 1.01  # at the floor itself rounding decides
        shared = decode.overlaps(boxes[clear], again) * (labels[clear][:, None] == same[None, :])
        if clear.any() and not (shared.max(1, initial=0.0) >= SAME_BOX).all():
            raise onnx.refusal(run, _("its ONNX version finds other boxes than the model"))
        count += int(clear.sum())
    return count
