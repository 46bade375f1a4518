"""Which part of a picture decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from engines import places
from engines.contract import InputError, Problem
from engines.explain.attributions import grad_cam, overlay
from engines.vision import images, networks
from engines.vision.datasets import open_unlabelled
from engines.vision.predicting import Classifier


def explain(run: Path, data: Path, out: Path) -> list[dict[str, Any]]:
    """A Grad-CAM overlay (PNG, below `out`) for each picture in `data`; unreadable ones become rows with 'error'.

    Raises InputError when no picture can be read, or when the network's last block keeps no map of the picture.
    """
    classifier = Classifier(run)
    layer = networks.staged(classifier.model.cpu()).stages[-1].modules()[0]
    classifier.model.to(classifier.device)
    pictures, skipped = open_unlabelled(data, places.work(data))
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
        try:
            heat = grad_cam(classifier.model, layer, inputs, target)
        except (RuntimeError, IndexError, ValueError) as error:
            problem = Problem(
                "explain",
                "this network keeps no map of the picture up to its last block",
                "accepted: a convolutional network",
            )
            raise InputError(problem) from error
        picture = out / f"{number:04d}-{Path(name).stem}.png"
        shown = as_seen(classifier, path)
        overlay(shown, heat).save(picture)
        rows.append({"file": name, "label": classifier.classes[target], "method": "Grad-CAM", "picture": str(picture)})
    if all("error" in row for row in rows):
        raise InputError(
            *(Problem(row["file"], f"the file {row['error']}", f"accepted: {images.ACCEPTED}") for row in rows[:20])
        )
    return rows


def as_seen(classifier: Classifier, path: Path) -> Image.Image:
    """The square that the network was shown."""
    square = Image.fromarray(classifier.format.read(path))
    if classifier.format.framing == "crop":
        margin = (classifier.format.stored - classifier.format.size) // 2
        return square.crop((margin, margin, margin + classifier.format.size, margin + classifier.format.size))
    return square.resize((classifier.format.size,) * 2)
