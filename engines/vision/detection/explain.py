"""Where a detector looked for the surest thing that it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from engines.attribution.attributions import overlay
from engines.contract import InputError, Problem, Recipe, Task
from engines.messages import _
from engines.runs import RunFolder
from engines.vision.detection.annotations.reading import read
from engines.vision.detection.predict import Finder, pictures_in
from engines.vision.detection.settings import DetectionSettings
from engines.vision.images import foreign, reading

METHODS = {"hires-cam": "HiResCAM"}


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """An overlay (PNG, below `out`) for each picture: which places of the maps that the pyramid reads spoke for the
    surest box (HiResCAM: Draelos & Carin 2020, arXiv 2011.08891). Raises InputError."""
    if method not in {None, *METHODS}:
        accepted = _("accepted: {methods}", methods=", ".join(METHODS))
        raise InputError(Problem("method", _("found {method!r}", method=method), accepted))
    finder = Finder(run)
    if getattr(finder.model, "whole", False):
        found = _("each of its boxes comes of a query, which reads no map that could be drawn")
        raise InputError(Problem(run.name, found, _("accepted: a run of a network with maps, such as SSDlite")))
    named, skipped = pictures_in(data) if example is None else ([(example, picture_of(run, data, example))], [])
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    for number, (name, path) in enumerate(named):
        try:
            inputs, _width, _height = finder.inputs(path)
            square = finder.format.read(path)
        except reading.UnreadableImage as error:
            rows.append({"file": name, "error": foreign.reason(path, error)})
            continue
        heat, surest = looked(finder, inputs)
        picture = out / f"{number:04d}-{Path(name).stem}.png"
        overlay(Image.fromarray(square), heat).save(picture)
        rows.append({"file": name, "found": surest, "method": METHODS["hires-cam"], "picture": str(picture)})
    foreign.require_some(rows)
    return rows


def looked(finder: Finder, inputs: torch.Tensor) -> tuple[np.ndarray, str]:
    """Heat (S, S) in [0, 1] for the surest place and class, and that class."""
    with torch.no_grad():
        maps, read = finder.family.looked_at(finder.model, inputs)
    with torch.enable_grad():
        maps = [each.detach().requires_grad_() for each in maps]
        logits = read(maps)[0]
        best = int(logits.argmax())
        gradients = torch.autograd.grad(logits.flatten()[best], maps, allow_unused=True)
    heat = torch.zeros(1, 1, *inputs.shape[2:], device=inputs.device)
    for each, gradient in zip(maps, gradients, strict=True):
        if gradient is None:  # of this map nothing reached that box
            continue
        own = (each.detach() * gradient).sum(1, keepdim=True).clamp_min(0)
        heat += F.interpolate(own, size=inputs.shape[2:], mode="bilinear", align_corners=False)
    strongest = float(heat.max())
    heat = heat / strongest if strongest > 0 else heat
    return heat[0, 0].cpu().numpy(), finder.classes[best % len(finder.classes)]


def picture_of(run: Path, data: Path, example: str) -> Path:
    """The test picture of that name. Raises InputError when it is no longer there."""
    recipe: Recipe = RunFolder(run).recipe
    settings = DetectionSettings.parse(recipe.settings)
    found = read(data, replace(settings, parts="none") if recipe.test else settings)
    for picture in found.pictures:
        if picture.name == example:
            return picture.path
    problem = _("this picture is no longer in {name}", name=data.name)
    raise InputError(Problem(example, problem, _("accepted: the data of the run")))
