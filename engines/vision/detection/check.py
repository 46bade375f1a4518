"""Look at somebody's annotated pictures before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from engines.contract import DataReport, Progress, Task
from engines.vision.detection.annotated import AnnotatedPicture
from engines.vision.detection.details import relative_cost
from engines.vision.detection.opening import Opened, open_data
from engines.vision.detection.predictions import in_words
from engines.vision.detection.settings import DetectionSettings
from engines.vision.images import reading

SHOWN = 24
SIDE = 256
COLOURS = ("#e8590c", "#1971c2", "#2f9e44", "#9c36b5", "#e03131", "#0c8599", "#f08c00", "#6741d9")
"""Of the classes in turn."""


def report(
    task: Task,
    data: Path,
    settings: DetectionSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. `details`: `boxes` of each part and `empty`, pictures without any.

    Raises InputError when nothing could be trained on it.
    """
    opened = open_data(data, test, settings, seed=seed, progress=progress)
    parts = ("train", "validation", "test")
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(opened.pictures),
        classes=opened.counted(),
        splits={part: len(opened.at(part)) for part in parts},
        skipped=opened.skipped,
        notes=opened.notes,
        sha256=opened.sha256,
        gallery=shown(opened, gallery) if gallery else [],
        details={
            "boxes": {part: sum(opened.counted(part).values()) for part in parts},
            "empty": sum(not len(picture.labels) for picture in opened.pictures),
            "relative_cost": relative_cost(settings),
        },
        read_as=opened.read_as,
    )


def shown(opened: Opened, out: Path) -> list[dict[str, Any]]:
    """Some pictures spread over the data, their boxes drawn."""
    out.mkdir(parents=True, exist_ok=True)
    pictures = opened.pictures
    rows = []
    for number, picture in enumerate(pictures[:: max(1, len(pictures) // SHOWN)][:SHOWN]):
        target = out / f"{number:03d}.jpg"
        with_boxes(picture).save(target, quality=85)
        label = in_words([opened.classes[i] for i in picture.labels])
        rows.append({"label": label, "name": picture.name, "thumbnail": str(target)})
    return rows


def with_boxes(picture: AnnotatedPicture) -> Image.Image:
    """The picture, small, with its boxes on it, a colour a class."""
    image = reading.read(picture.path, SIDE)
    scale = SIDE / max(image.size)
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    pen = ImageDraw.Draw(small)
    across, down = small.width / picture.width, small.height / picture.height
    for (left, top, right, bottom), label in zip(picture.boxes, picture.labels, strict=True):
        corners = [left * across, top * down, right * across, bottom * down]
        pen.rectangle(corners, outline=COLOURS[int(label) % len(COLOURS)], width=2)
    return small
