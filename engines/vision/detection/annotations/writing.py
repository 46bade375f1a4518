"""Write boxes as other programs read them: COCO JSON, Pascal VOC XML or YOLO txt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from engines.vision.detection.annotations.conventions import written


@dataclass(frozen=True)
class Labelled:
    """A picture and its boxes, as they are written."""

    name: str
    """Relative path of the picture, beside which the labels will lie."""
    width: int
    """pixels, as it is shown"""
    height: int
    boxes: np.ndarray
    """float64 (N, 4), x0 y0 x1 y1 in pixels."""
    labels: np.ndarray
    """int64 (N,): places in the classes."""


def files(form: str, pictures: Sequence[Labelled], classes: Sequence[str]) -> dict[str, bytes]:
    """Relative path -> content of every file of labels in 'coco', 'voc' or 'yolo', to lie beside the pictures.

    COCO and YOLO keep a box as exactly as a float is written; VOC counts whole pixels. Pictures without boxes have a
    place in all three.
    """
    return WRITERS[form](pictures, list(classes))


def _coco(pictures: Sequence[Labelled], classes: list[str]) -> dict[str, bytes]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, 1):
        images.append({"id": number, "file_name": picture.name, "width": picture.width, "height": picture.height})
        size = (picture.width, picture.height)
        for box, label in zip(written(picture.boxes, "xywh", size).tolist(), picture.labels.tolist(), strict=True):
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": label + 1, "bbox": box}
            annotations.append({**entry, "area": box[2] * box[3], "iscrowd": 0})
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return {"annotations.json": json.dumps(content, ensure_ascii=False, indent=1).encode()}


def _voc(pictures: Sequence[Labelled], classes: list[str]) -> dict[str, bytes]:
    found = {}
    for picture in pictures:
        root = Element("annotation")
        _text(root, "filename", PurePosixPath(picture.name).name)
        size = SubElement(root, "size")
        for side, pixels in (("width", picture.width), ("height", picture.height), ("depth", 3)):
            _text(size, side, pixels)
        whole = np.round(picture.boxes)
        sides = written(whole, "xyxy-from-1", (picture.width, picture.height)).astype(int).tolist()
        for box, label in zip(sides, picture.labels.tolist(), strict=True):
            entry = SubElement(root, "object")
            _text(entry, "name", classes[label])
            _text(entry, "difficult", 0)
            outline = SubElement(entry, "bndbox")
            for side, pixels in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
                _text(outline, side, pixels)
        indent(root)
        found[str(PurePosixPath(picture.name).with_suffix(".xml"))] = tostring(root, encoding="utf-8")
    return found


def _yolo(pictures: Sequence[Labelled], classes: list[str]) -> dict[str, bytes]:
    import yaml  # not for pages, which only name the formats

    found = {}
    for picture in pictures:
        shares = written(picture.boxes, "cxcywh-shares", (picture.width, picture.height)).tolist()
        lines = [
            " ".join([str(label), *map(repr, numbers)])
            for numbers, label in zip(shares, picture.labels.tolist(), strict=True)
        ]
        text = "".join(f"{line}\n" for line in lines)
        found[str(PurePosixPath(picture.name).with_suffix(".txt"))] = text.encode()
    about = {"train": ".", "val": ".", "nc": len(classes), "names": dict(enumerate(classes))}
    found["data.yaml"] = yaml.safe_dump(about, allow_unicode=True, sort_keys=False).encode()
    return found


def _text(parent: Element, tag: str, value: object) -> None:
    SubElement(parent, tag).text = str(value)


WRITERS: dict[str, Callable[[Sequence[Labelled], list[str]], dict[str, bytes]]] = {
    "coco": _coco,
    "voc": _voc,
    "yolo": _yolo,
}
