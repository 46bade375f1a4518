"""What a data set made in the app exports, the tasks read: whatever its classes are called."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from engines import api
from engines.contract import DataReport
from engines.datasets.exporting import LEARNERS, export, kept_export
from engines.datasets.folder import DatasetFolder, New

CLASSES = ("train", "a/b", "N/A", "Ünter 3")
EACH = 5


def example(kind: str, number: int, label: str) -> bytes:
    if kind == "texts":
        return f'Sentence {number}, with a "quote",\nabout {label}.'.encode()
    file, chance = io.BytesIO(), np.random.default_rng(number)
    if kind == "pictures":
        Image.fromarray(chance.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(file, "JPEG")
    else:
        soundfile.write(file, 0.3 * chance.normal(size=8000), 16_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.mark.parametrize("kind", [kind for kind in LEARNERS if kind != "boxes"])  # theirs: test_boxes.py
def test_every_class_and_every_example_arrives(kind: str) -> None:
    dataset = DatasetFolder.create(kind, "Odd names")
    for number in range(EACH * len(CLASSES)):
        label = CLASSES[number % len(CLASSES)]
        dataset.add_all([New(example(kind, number, label), f"{label}/{number}.x y", label)])
    dataset.add(example(kind, 99, "none"), "unlabelled")
    for task, column in LEARNERS[kind].items():
        report: DataReport = api.check(task, kept_export(dataset, label_column=column))
        assert report.n_examples == EACH * len(CLASSES), task
        assert report.skipped == []
        if column != "transcription":
            assert report.classes == dict.fromkeys(CLASSES, EACH)


@pytest.mark.parametrize("kind", ["pictures", "texts"])
def test_what_has_no_class_is_exported_for_predicting(kind: str, tmp_path: Path) -> None:
    from engines.text import unlabelled
    from engines.vision.classification import dataset as vision

    dataset = DatasetFolder.create(kind, "Unlabelled")
    dataset.add(example(kind, 1, "x"), "one.jpg", "labelled")
    dataset.add(example(kind, 2, "x"), "two.jpg")
    out = export(dataset, tmp_path / "out.zip", labelled=False)
    if kind == "texts":
        assert [text for _, text in unlabelled.open_unlabelled(out, tmp_path / "work").texts] == [
            example(kind, 2, "x").decode()
        ]
    else:
        assert len(vision.open_unlabelled(out, tmp_path / "work")[0]) == 1
