"""Writes engines/vision/detection/catalogue.json: the detectors on the convolutional networks of the vision catalogue,
and those that torchvision has published, which come with COCO's classes.

    .venv/bin/python scripts/measure_detectors.py

Each is built with random weights, and its parameters and multiply-accumulates are counted at the default size.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engines.contract import InputError
from engines.vision.detection.networks import pyramid, torchvision_family
from engines.vision.detection.settings import DetectionSettings
from engines.vision.models import catalogue

OUT = Path(__file__).parents[1] / "engines" / "vision" / "detection" / "catalogue.json"


PUBLISHED = {
    "ssdlite320_mobilenet_v3_large": "SSDlite, MobileNetV3",
    "fasterrcnn_mobilenet_v3_large_320_fpn": "Faster R-CNN, MobileNetV3",
    "fcos_resnet50_fpn": "FCOS, ResNet-50",
    "retinanet_resnet50_fpn_v2": "RetinaNet v2, ResNet-50",
    "fasterrcnn_resnet50_fpn_v2": "Faster R-CNN v2, ResNet-50",
}
"""torchvision's by name, the cheapest first, and how they are called here."""


def published(name: str, size: int) -> dict[str, Any]:
    """The card of one of torchvision's, without what a card has anyway."""
    card = torchvision_family.describe(name, size)
    usual = {field.name: field.default for field in fields(card)}
    told = {key: value for key, value in asdict(card).items() if value != usual[key]}
    stages = [[stage.name, stage.parameters, stage.macs] for stage in card.stages]
    return told | {"title": PUBLISHED[name], "stages": stages}


def main() -> None:
    known = {entry["name"]: entry for entry in json.loads(catalogue.FILE.read_text(encoding="utf-8"))}
    size, rows = DetectionSettings().image_size, []
    for card in catalogue.cards():
        if catalogue.reads_names(card):
            continue
        try:
            found = pyramid.describe(card.name, size)
        except InputError as error:
            print(error)
            continue
        stages = [[stage.name, stage.parameters, stage.macs] for stage in found.stages]
        row = known[card.name] | {"stages": stages, "head_inputs": found.head_inputs, "head_base": found.head_base}
        rows.append(row | {"input": f"{size} × {size} pixels, RGB"})
    rows += [published(name, size) for name in PUBLISHED]
    OUT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
