"""What a detector finds with the classes that it came with, as it is and after learning others."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines import starts
from engines.evidence import intervals
from engines.messages import _, _n
from engines.training import learnt_weights
from engines.training.staged import Staged
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.predictions import matched

SURE = 0.5
"""Score from which on a box that it found before it learnt counts as something that it knew."""
NO_CLASSES = frozenset({"", "background", "na"})
"""Places of COCO's list that stand for nothing."""
OTHER_NAMES = {
    "aeroplane": "airplane",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
    "television": "tv",
}
"""What Pascal VOC and others call classes of COCO."""


def plain(name: str) -> str:
    """A class's name without capitals, spaces and signs, by COCO's word for it."""
    found = re.sub(r"[^\w]|_", "", name.casefold())
    return OTHER_NAMES.get(found, found)


def columns(own: Sequence[str], theirs: Sequence[str]) -> list[int]:
    """Of each of one's own classes the place of the same in the classes that the model came with; -1: it is not there.
    The same is what has the same name, in the plural too."""
    known = {plain(name): number for number, name in enumerate(theirs) if plain(name) not in NO_CLASSES}
    by_plural = {f"{name}s": number for name, number in known.items()}
    return [known.get(plain(name), by_plural.get(plain(name), -1)) for name in own]


def all_of(theirs: Sequence[str]) -> list[int]:
    """The places of all classes that stand for something."""
    return [number for number, name in enumerate(theirs) if plain(name) not in NO_CLASSES]


def told(own: Sequence[str], found: Sequence[int]) -> str:
    """Which classes it knew, in a sentence."""
    known = [name for name, column in zip(own, found, strict=True) if column >= 0]
    return _n(
        "It came with one of these {all} classes: {names}.",
        "It came with {n} of these {all} classes: {names}.",
        len(known),
        all=len(own),
        names=", ".join(known[:12]),
    )


def give_back(came: Staged, learnt: Staged, of_classes: Sequence[str]) -> Staged:
    """The network that learnt, with the layers that tell classes as they came."""
    state: dict[str, Any] = {}
    before = came.model.state_dict()
    for name, tensor in learnt.model.state_dict().items():
        kept = any(part in name for part in of_classes)
        if not kept and name in before and before[name].shape == tensor.shape:
            state[name] = tensor.detach()
    with torch.no_grad():
        came.model.load_state_dict(state, strict=False)
    return came


def go_on(network: Staged, run: Path, classes: Sequence[str], of_classes: Sequence[str]) -> None:
    """Puts the weights of a finished run into the network. In the layers that tell classes, a class that the run knew
    by the same name gets its row; a new one, and layers that have more than a row a class, stay fresh. Raises
    InputError where it is a run of another network."""
    folder, own = run / "model", network.model.state_dict()
    names = list(json.loads((folder / "config.json").read_text(encoding="utf-8"))["label_names"])
    learnt = learnt_weights.whole(folder, lambda: own)
    if own.keys() != learnt.keys():
        raise starts.other_network()
    for name, tensor in learnt.items():
        if not any(part in name for part in of_classes) or names == list(classes):
            if own[name].shape != tensor.shape:
                raise starts.other_network()
            own[name] = tensor
        elif len(own[name]) == len(classes) and len(tensor) == len(names):
            rows = own[name].clone()
            for row, label in enumerate(classes):
                if label in names:
                    rows[row] = tensor[names.index(label)]
            own[name] = rows
    network.model.load_state_dict(own)


def kept(before: Sequence[Found], after: Sequence[Found], classes: int) -> dict[str, Any]:
    """Of the boxes that it was sure of before, how many it still finds as surely: `n`, `value`, `low`, `high`,
    `classes` that it came with, `pictures`, and a sentence, `text`."""
    hits = np.concatenate([_found_again(one, other) for one, other in zip(before, after, strict=True)] or [np.zeros(0)])
    if not len(hits):
        said = _("On these pictures it was sure of nothing that it came with: what it forgot cannot be told here.")
        return {"n": 0, "value": None, "low": None, "high": None, "classes": classes, "pictures": 0, "text": said}
    share = intervals.accuracy(hits.astype(bool))
    said = _(
        "Of {n:,} things of its {classes} old classes that it was sure of on the test pictures, the network still "
        "finds {share:.0%} ({low:.0%} to {high:.0%}) when it gets its old class layer back.",
        n=len(hits),
        classes=classes,
        share=share.value,
        low=share.low,
        high=share.high,
    )
    bounds = {name: number for name, number in asdict(share).items() if name in {"value", "low", "high"}}
    pictures = sum(bool((own.scores >= SURE).any()) for own in before)
    return {"n": len(hits), **bounds, "classes": classes, "pictures": pictures, "text": said}


def _found_again(before: Found, after: Found) -> np.ndarray:
    """bool (N,): of each box that it was sure of, whether one of its class lies there after learning."""
    sure, still = before.scores >= SURE, after.scores >= SURE
    there = Found(before.boxes[sure], before.labels[sure], before.scores[sure])
    now = Found(after.boxes[still], after.labels[still], after.scores[still])
    hits = np.zeros(len(there.labels), dtype=bool)
    hits[: int(matched(now, there.boxes, there.labels).sum())] = True
    return hits
