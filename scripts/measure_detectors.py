"""Writes engines/vision/detection/catalogue.json: the detectors on the convolutional networks of the vision catalogue.

    .venv/bin/python scripts/measure_detectors.py

Each is built with random weights, and its parameters and multiply-accumulates are counted at the default size.
"""

from __future__ import annotations

import json
from pathlib import Path

from engines.contract import InputError
from engines.vision.detection.networks import pyramid
from engines.vision.detection.settings import DetectionSettings
from engines.vision.models import catalogue

OUT = Path(__file__).parents[1] / "engines" / "vision" / "detection" / "catalogue.json"


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
    OUT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
