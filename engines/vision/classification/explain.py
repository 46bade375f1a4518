"""Which part of a picture decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from engines import paths
from engines.attribution import faithfulness
from engines.attribution.attributions import grad_cam, integrated_gradients, overlay
from engines.contract import InputError, Problem, Task
from engines.messages import _, told
from engines.runs import RunFolder
from engines.vision.classification.dataset import open_photographs, open_unlabelled
from engines.vision.classification.opening import separate
from engines.vision.classification.predict import Classifier
from engines.vision.classification.settings import VisionSettings
from engines.vision.images import foreign, reading
from engines.vision.models import backbones
from engines.vision.models.shallow import Shallow

METHODS = {"grad-cam": "Grad-CAM", "integrated-gradients": _("Integrated gradients")}
CELLS = 14
"""Rows and columns of what is taken out of a picture, to test an attribution."""
AT_ONCE = 16
INK = _("ink (what is not background)")


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """An overlay (PNG, below `out`) for each picture in `data`; unreadable ones become rows with 'error'.

    `method` is a key of METHODS; None takes Grad-CAM, or integrated gradients where the network's last block keeps no
    map of the picture, as in transformers. A row of integrated gradients tells its 'completeness_error' too, and the
    first rows their 'faithfulness' (see `attribution.faithfulness`). With
    `example`, only that picture of the test `data`. Raises InputError when no picture can be read, for a method that
    is not known or does not suit the network, and for an example that is not there.
    """
    if method not in {None, *told(METHODS)}:
        raise InputError(
            Problem(
                "method",
                _("found {method!r}", method=method),
                _("accepted: {methods}", methods=", ".join(told(METHODS))),
            )
        )
    classifier = Classifier(run)
    pictures, skipped = (
        open_unlabelled(data, paths.work(data), classifier.reading)
        if example is None
        else ([(example, picture_of(run, data, example))], [])
    )
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    for number, (name, path) in enumerate(pictures):
        try:
            inputs = classifier.inputs(path)
        except reading.UnreadableImage as error:
            rows.append({"file": name, "error": foreign.reason(path, error)})
            continue
        with torch.no_grad():
            target = int(classifier.model(inputs).argmax())
        heat, how = attribution(classifier, inputs, target, method)
        picture = out / f"{number:04d}-{Path(name).stem}.png"
        overlay(as_seen(classifier, path), heat).save(picture)
        if number < faithfulness.MOST:
            how["faithfulness"] = tested(classifier, inputs, target, heat)
        rows.append({"file": name, "label": classifier.classes[target], **how, "picture": str(picture)})
    if all("error" in row for row in rows):
        raise InputError(
            *(
                Problem(
                    row["file"],
                    _("the file {error}", error=row["error"]),
                    _("accepted: {accepted}", accepted=reading.ACCEPTED),
                )
                for row in rows[:20]
            )
        )
    return rows


def attribution(
    classifier: Classifier, inputs: Tensor, target: int, method: str | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """Heat (S, S) in [0, 1] for class `target`, and the 'method' with what is to be said about it."""
    if method != "integrated-gradients":
        try:
            heat = grad_cam(classifier.model, last_block(classifier), inputs, target)
            return heat, {"method": told(METHODS)["grad-cam"]}
        except (RuntimeError, IndexError, ValueError) as error:
            if method == "grad-cam":
                found = _("this network keeps no map of the picture up to its last block")
                raise InputError(Problem("method", found, _("accepted: integrated-gradients"))) from error
    heat, off, steps = integrated_gradients(classifier.model, inputs, target)
    return heat, {"method": told(METHODS)["integrated-gradients"], "completeness_error": off, "steps": steps}


def tested(classifier: Classifier, inputs: Tensor, target: int, heat: np.ndarray) -> dict[str, Any] | None:
    """Whether the probability of class `target` follows heat (S, S) more than it follows the ink.

    inputs: float32 (1, 3, S, S).
    """
    score, drawn = without_cells(classifier, inputs, target), by_cell(ink(inputs))
    return faithfulness.tested(score, by_cell(torch.from_numpy(heat)), drawn, named=INK)


def without_cells(classifier: Classifier, inputs: Tensor, target: int) -> faithfulness.Score:
    """The probability of class `target` where cells of the picture are taken out, bool (M, CELLS * CELLS), by putting 0
    in their place: after normalisation the mean colour, which is what integrated gradients begin with."""

    def score(removed: np.ndarray) -> np.ndarray:
        found = []
        for some in torch.from_numpy(~removed).float().to(inputs.device).split(AT_ONCE):
            kept = F.interpolate(some.view(-1, 1, CELLS, CELLS), size=inputs.shape[-2:])
            with torch.no_grad():
                logits = classifier.model(inputs * kept).double() / classifier.temperature
            found.append(logits.softmax(1)[:, target].cpu())
        probabilities: np.ndarray = torch.cat(found).numpy()
        return probabilities

    return score


def ink(inputs: Tensor) -> Tensor:
    """float (S, S): how far each pixel's colour is from the middle colour of the picture's border, without any network.

    inputs: float32 (1, 3, S, S).
    """
    picture = inputs[0].cpu()
    border = torch.cat([picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]], 1)  # (3, 4 S)
    return (picture - border.median(1).values[:, None, None]).norm(dim=0)


def by_cell(heat: Tensor) -> np.ndarray:
    """float (CELLS * CELLS,): the mean of heat (S, S) over each cell."""
    cells: np.ndarray = F.adaptive_avg_pool2d(heat[None, None].float(), CELLS).flatten().numpy()
    return cells


def last_block(classifier: Classifier) -> torch.nn.Module:
    if isinstance(classifier.model, Shallow):
        return classifier.model.get_submodule(f"backbone.{classifier.model.steps[-1]}")
    layer = backbones.staged(backbones.typed(classifier.model.cpu())).stages[-1].modules()[0]
    classifier.model.to(classifier.device)
    return layer


def picture_of(run: Path, data: Path, name: str) -> Path:
    """The file of a test example, in data that are read as the run read them. Raises InputError when the data are gone
    or hold no such picture any more."""
    recipe = RunFolder(run).recipe
    settings = VisionSettings.parse(recipe.settings)
    settings = separate(settings) if str(data) == recipe.test else settings
    for photograph in open_photographs(data, paths.work(data), settings, to_train=False).examples:
        if photograph.name == name:
            return photograph.path
    raise InputError(
        Problem(name, _("this picture is no longer in {name}", name=data.name), _("accepted: the data of the run"))
    )


def as_seen(classifier: Classifier, path: Path) -> Image.Image:
    """The square that the network was shown."""
    square = Image.fromarray(classifier.format.read(path))
    if classifier.format.framing == "crop":
        margin = (classifier.format.stored - classifier.format.size) // 2
        return square.crop((margin, margin, margin + classifier.format.size, margin + classifier.format.size))
    return square.resize((classifier.format.size,) * 2)
