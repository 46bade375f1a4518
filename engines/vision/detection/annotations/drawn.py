"""Boxes that were drawn in the app: the picture to draw on, and the data set as other programs read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError, Problem
from engines.datasets.exporting import file_name, kept, write_zip
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import DatasetState, Item
from engines.messages import _
from engines.vision.detection.annotations.writing import Labelled, files
from engines.vision.images import foreign
from engines.vision.images.reading import UnreadableImage, size, thumbnail

SIDE = 1280
"""Pixels of the picture that is drawn on, at most; its boxes are in pixels of the whole one."""
FEWEST = 4
"""Pictures with their boxes: some to learn from, some to be tested on."""


def view(dataset: DatasetFolder, item_id: str) -> dict[str, Any]:
    """The picture to draw on: `path` of a JPEG of at most SIDE pixels, upright; `width` and `height` of the whole one.

    Raises InputError where there is no such picture, or it cannot be read.
    """
    item = next((item for item in dataset.state().items if item.id == item_id), None)
    if item is None:
        raise InputError(Problem(_("picture"), _("it is not in the data set any more"), _("choose another one")))
    out = dataset.path / "thumbnails" / f"{item.id}-{SIDE}.jpg"
    try:
        if not out.is_file():
            partial = thumbnail(dataset.file(item), out.with_name(f".{out.name}.partial"), SIDE)
            partial.replace(out)
        own = size(dataset.file(item))
    except UnreadableImage as error:
        problem = foreign.reason(dataset.file(item), error)
        raise InputError(Problem(item.name, problem, _("take it out, or add it as JPEG or PNG"))) from None
    return {"path": str(out), "width": own.width, "height": own.height}


def kept_export(dataset: DatasetFolder, form: str = "coco") -> Path:
    """A zip in the data set's own folder, written once for each state of it: the pictures that are done or have boxes,
    and their boxes in 'coco', 'voc' or 'yolo'. Raises InputError where there is none."""
    state = dataset.state()
    done = [(item, _labelled(item, state)) for item in state.labelled if item.size]
    if not done:
        problem = _("it holds no picture with a box")
        raise InputError(Problem(dataset.about.title, problem, _("draw one")))

    def write(out: Path) -> Path:
        texts = files(form, [labelled for _unused, labelled in done], state.classes)
        return write_zip(out, texts, [(labelled.name, dataset.file(item)) for item, labelled in done])

    return kept(dataset, f"boxes {form}", write)


def require_trainable(state: DatasetState) -> None:
    """Raises InputError where nothing can be learnt from what is drawn so far."""
    with_boxes = sum(bool(item.boxes) for item in state.items)
    if with_boxes < FEWEST:
        found = _("{n:,} of its pictures have boxes", n=with_boxes)
        accepted = _("draw boxes on {fewest} or more: some to learn from, some to be tested on", fewest=FEWEST)
        raise InputError(Problem(_("data set"), found, accepted))


def _labelled(item: Item, state: DatasetState) -> Labelled:
    boxes = np.array([(box.x0, box.y0, box.x1, box.y1) for box in item.boxes], float).reshape(-1, 4)
    labels = np.array([state.classes.index(box.label) for box in item.boxes], np.int64)
    width, height = item.size or (0, 0)
    return Labelled(f"images/{file_name(item)}", width, height, boxes, labels)
