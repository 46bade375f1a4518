"""Which network fits these pictures, before any learns. Detectors that came with some of these classes are compared by
what they find; networks for whole pictures by what their frozen maps say of the things in the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import roi_align

from engines.contract import InputError, Problem, Recipe, Run, Scores, Task
from engines.evidence import ranking
from engines.evidence.ranking import MOST_EXAMPLES, Candidate
from engines.messages import _
from engines.training.staged import Staged
from engines.vision.detection.evaluation import metrics
from engines.vision.detection.fit import DetectionStudy
from engines.vision.detection.networks import kinds
from engines.vision.detection.networks.decode import overlaps
from engines.vision.detection.prepare import Pictures
from engines.vision.detection.train import find

MOST_PICTURES = 100
"""Of the training part, that each network looks at."""
APART = 0.1
"""Overlap with any thing below which a place counts as one where nothing is."""
TRIES = 20
"""Places that are looked at for one where nothing is."""
FEWEST = 2
"""Boxes of a class below which it is left out."""
NOTHING = -1


def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`. Networks of both kinds cannot be put in one order: where a detector knows some of these
    classes, detectors are ordered by mAP, else the others by their maps; what is not compared is in `left_out`.

    No mAP after learning is foretold: `expected` and `gain` are None. Raises InputError where nothing can be compared.
    """
    found: dict[str, Scores] = {}
    seen: list[Candidate] = []
    places: tuple[list[Tensor], np.ndarray, np.ndarray] | None = None
    about: dict[str, Any] = {}
    cards = ranking.here(task, models)
    for card, study in ranking.opened(task, recipe, cards, run):
        assert isinstance(study, DetectionStudy)
        chosen = study.prepared.opened.at("train")
        chosen = chosen[ranking.some(len(chosen), MOST_PICTURES, recipe.seed)]
        about = {"sha256": study.sha256, "classes": len(study.classes)}
        if kinds.finds_already(card):
            if max(study.columns, default=-1) >= 0:
                found[card.name] = as_it_came(study, chosen)
            continue
        pictures = study.prepared.pictures.subset(torch.from_numpy(chosen))
        places = places or places_of(pictures, recipe.data, recipe.seed)
        network = study.build(pretrained=True, seed=recipe.seed).eval()
        stages = len(network.stages)
        seen.append(Candidate(card.name, stages, stages, within(network, pictures, places[0])))
    if found:
        about |= {"n": len(chosen), "unit": task.info.unit}
        answer = ranking.by_scores(found, higher_is_better=True)
    elif seen and places is not None:
        about |= {"n": len(places[1]), "unit": _("boxes")}
        answer = ranking.by_features(seen, lambda _name: [], places[1], places[2], seed=recipe.seed)
        unsaid = {"depth": None, "expected": None, "gain": None}  # how well boxes are told apart is no mAP
        answer = answer | unsaid | {"models": [row | unsaid for row in answer["models"]], "mismatch": None}
    else:
        what = _("none of these detectors came with any of these classes, so that none finds anything before it learns")
        raise InputError(Problem(task.info.name, what, _("accepted: networks for whole pictures, or other classes")))
    left_out = [card.name for card in cards if card.name not in {row["name"] for row in answer["models"]}]
    return answer | about | {"left_out": left_out}


def as_it_came(study: DetectionStudy, chosen: np.ndarray) -> metrics.Precisions:
    """How well a detector finds, on training pictures and by their names, what it knew before."""
    spec = study.train_spec(study.settings, study.recipe.seed, study.run, chosen, chosen[:0])
    pictures = [study.prepared.opened.pictures[i] for i in chosen]
    sizes = [(picture.width, picture.height) for picture in pictures]
    answers = find(spec, study.as_it_came().requires_grad_(False), spec.training, sizes)
    truth = [metrics.Found(picture.boxes, picture.labels, np.ones(len(picture.labels))) for picture in pictures]
    matches = metrics.matched(answers, truth, len(study.classes))
    return metrics.Precisions([matches.influences()], matches.estimate())


def places_of(pictures: Pictures, data: str, seed: int) -> tuple[list[Tensor], np.ndarray, np.ndarray]:
    """Boxes on the squares of the pictures, float32 (K, 4) each: those of things, and as many of the same sizes where
    nothing is. Of all in a row the class (`NOTHING` where there is none) and the picture, int64 (N,) both, at most
    MOST_EXAMPLES. Raises InputError where no class has boxes enough."""
    dice, side = np.random.default_rng(seed), pictures.size
    rows: list[tuple[int, int, np.ndarray]] = []  # picture, class, box
    for number, own in enumerate(pictures.boxes.apart()):
        there = own["boxes"].numpy().astype(float)
        for box, label in zip(there, own["labels"].tolist(), strict=True):
            rows.append((number, label, box))
            wide, high = box[2] - box[0], box[3] - box[1]
            for _unused in range(TRIES):
                left, top = dice.uniform(0, max(side - wide, 1)), dice.uniform(0, max(side - high, 1))
                other = np.array([left, top, left + wide, top + high])
                if overlaps(other[None], there).max() < APART:
                    rows.append((number, NOTHING, other))
                    break
    labels = np.array([label for _number, label, _box in rows], dtype=np.int64)
    many = {label: int((labels == label).sum()) for label in np.unique(labels).tolist()}
    kept = [row for row in rows if many[row[1]] >= FEWEST]
    kept = [kept[i] for i in ranking.some(len(kept), MOST_EXAMPLES, seed)]
    if len({label for _number, label, _box in kept}) < 2:
        found = _("too few boxes are to be learnt from to tell their classes apart")
        raise InputError(Problem(data, found, _("accepted: at least {n} boxes of a class", n=FEWEST)))
    boxes = [[box for number, _label, box in kept if number == picture] for picture in range(len(pictures))]
    labels = np.array([label for _number, label, _box in kept], dtype=np.int64)
    groups = np.array([number for number, _label, _box in kept], dtype=np.int64)
    return [torch.tensor(np.array(own).reshape(-1, 4), dtype=torch.float32) for own in boxes], labels, groups


def within(network: Staged, pictures: Pictures, boxes: Sequence[Tensor]) -> np.ndarray:
    """float32 (N, D): what the maps that a detector's pyramid reads say of each box, averaged over its places."""
    found = []
    for some in torch.arange(len(pictures)).split(8):
        own = [boxes[i] for i in some.tolist()]
        if not any(len(each) for each in own):
            continue
        with torch.no_grad():
            maps = network.run(pictures.plain(some), 0, len(network.stages)).maps
            scale = [each.shape[3] / pictures.size for each in maps]
            cells = [
                roi_align(each.contiguous(), own, 2, spatial_scale=by, sampling_ratio=2, aligned=True).mean((2, 3))
                for each, by in zip(maps, scale, strict=True)
            ]
        found.append(torch.cat(cells, dim=1).numpy())
    return np.concatenate(found)
