"""Annotated pictures as strangers bring them, written into a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engines.vision.detection.annotated import Annotations

Box = Sequence[Any]


def picture(path: Path, width: int = 100, height: int = 80, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(sum(path.name.encode())).integers(0, 255, (height, width, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def coco(folder: Path, boxes: dict[str, list[Any]], name: str = "annotations.json", **more: Any) -> None:
    """A COCO file about these pictures: name -> bbox of each object, all of the class 'cat'; and what else is in it."""
    images = [{"id": n, "file_name": name} for n, name in enumerate(boxes, 1)]
    annotations = [
        {"id": 10 * n + place, "image_id": n, "category_id": 7, "bbox": box}
        for n, own in enumerate(boxes.values(), 1)
        for place, box in enumerate(own)
    ]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "cat"}]}
    (folder / name).write_text(json.dumps({**content, **more}))


def voc(folder: Path, name: str, boxes: Sequence[Box], size: tuple[int, int] = (100, 80), label: str = "cat") -> None:
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d in boxes
    )
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    (folder / f"{name}.xml").write_text(
        f"<annotation><filename>{name}.png</filename>{sides}{objects}</annotation>", encoding="utf-8"
    )


def yolo(folder: Path, name: str, lines: Sequence[str], names: Sequence[str] | None = ("cat", "dog")) -> None:
    target = folder / f"{name}.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines))
    if names is not None:
        (folder / "data.yaml").write_text(json.dumps({"names": list(names)}))  # JSON is YAML


def boxes(found: Annotations, place: int = 0) -> list[list[float]]:
    rounded: list[list[float]] = found.pictures[place].boxes.round(6).tolist()
    return rounded


def said(found: Annotations) -> str:
    """Whatever is told of the reading, a line each."""
    left_out = [f"{entry.where}: {entry.reason}" for entry in found.skipped]
    return "\n".join([*left_out, *found.notes, *(f"{guess} {guess.why}" for guess in found.read_as)])
