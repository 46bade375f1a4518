"""Which part of a picture decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engines import places
from engines.contract import InputError, Problem
from engines.explain.attributions import grad_cam, integrated_gradients, overlay
from engines.vision import images, networks
from engines.vision.datasets import open_photographs, open_unlabelled
from engines.vision.predicting import Classifier

METHODS = {"grad-cam": "Grad-CAM", "integrated-gradients": "Integrated gradients"}


def explain(
    run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """An overlay (PNG, below `out`) for each picture in `data`; unreadable ones become rows with 'error'.

    `method` is a key of METHODS; None takes Grad-CAM, or integrated gradients where the network's last block keeps no
    map of the picture, as in transformers. A row of integrated gradients tells its 'completeness_error' too. With
    `example`, only that picture of the test `data`. Raises InputError when no picture can be read, for a method that
    is not known or does not suit the network, and for an example that is not there.
    """
    if method not in {None, *METHODS}:
        raise InputError(Problem("method", f"found {method!r}", f"accepted: {', '.join(METHODS)}"))
    classifier = Classifier(run)
    pictures, skipped = (
        open_unlabelled(data, places.work(data)) if example is None else ([(example, picture_of(data, example))], [])
    )
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    for number, (name, path) in enumerate(pictures):
        try:
            inputs = classifier.inputs(path)
        except images.UnreadableImage as error:
            rows.append({"file": name, "error": str(error)})
            continue
        with torch.no_grad():
            target = int(classifier.model(inputs).argmax())
        heat, how = attribution(classifier, inputs, target, method)
        picture = out / f"{number:04d}-{Path(name).stem}.png"
        overlay(as_seen(classifier, path), heat).save(picture)
        rows.append({"file": name, "label": classifier.classes[target], **how, "picture": str(picture)})
    if all("error" in row for row in rows):
        raise InputError(
            *(Problem(row["file"], f"the file {row['error']}", f"accepted: {images.ACCEPTED}") for row in rows[:20])
        )
    return rows


def attribution(
    classifier: Classifier, inputs: Tensor, target: int, method: str | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """Heat (S, S) in [0, 1] for class `target`, and the 'method' with what is to be said about it."""
    if method != "integrated-gradients":
        try:
            heat = grad_cam(classifier.model, last_block(classifier), inputs, target)
            return heat, {"method": METHODS["grad-cam"]}
        except (RuntimeError, IndexError, ValueError) as error:
            if method == "grad-cam":
                found = "this network keeps no map of the picture up to its last block"
                raise InputError(Problem("method", found, "accepted: integrated-gradients")) from error
    heat, off, steps = integrated_gradients(classifier.model, inputs, target)
    return heat, {"method": METHODS["integrated-gradients"], "completeness_error": off, "steps": steps}


def last_block(classifier: Classifier) -> torch.nn.Module:
    layer = networks.staged(classifier.model.cpu()).stages[-1].modules()[0]
    classifier.model.to(classifier.device)
    return layer


def picture_of(data: Path, name: str) -> Path:
    """The file of a test example. Raises InputError when the data are gone or hold no such picture any more."""
    for photograph in open_photographs(data, places.work(data), to_train=False).examples:
        if photograph.name == name:
            return photograph.path
    raise InputError(Problem(name, f"this picture is no longer in {data.name}", "accepted: the data of the run"))


def as_seen(classifier: Classifier, path: Path) -> Image.Image:
    """The square that the network was shown."""
    square = Image.fromarray(classifier.format.read(path))
    if classifier.format.framing == "crop":
        margin = (classifier.format.stored - classifier.format.size) // 2
        return square.crop((margin, margin, margin + classifier.format.size, margin + classifier.format.size))
    return square.resize((classifier.format.size,) * 2)
