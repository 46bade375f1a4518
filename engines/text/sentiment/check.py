"""Look at somebody's texts before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import DataReport, Progress, Task
from engines.data import labelled
from engines.text.sentiment.dataset import LabelledText
from engines.text.sentiment.reading import read_in_parts
from engines.text.settings import TextSettings
from engines.training import shots

TEXTS_A_CLASS = 6
MOST_TEXTS = 60
TOKENS_A_WORD = 1.4
CARD_TOKENS = 64
"""As `networks.MEASURED_TOKENS`."""
LONGEST = 600
"""Characters shown of a text."""


def report(
    task: Task,
    data: Path,
    settings: TextSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be trained on it."""
    brought = read_in_parts(data, test, settings, seed=seed, progress=progress)
    found, texts = brought.found, brought.used
    splits, few = shots.counted(
        brought.parts.tolist(),
        [text.label for text in brought.texts],
        labelled.by_size(text.label for text in texts),
        [text.sha256 for text in brought.texts],
        settings.shots,
        seed,
        own_test=test is not None or any(text.split == "test" for text in brought.texts),
        unit=task.info.unit,
    )
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(texts),
        classes=labelled.counted(t.label for t in texts),
        splits=splits,
        skipped=found.skipped,
        notes=[*brought.notes, *few],
        sha256=brought.sha256,
        gallery=some(texts) if gallery else [],
        details=found.details() | {"relative_cost": relative_cost(texts)},
        read_as=found.read_as,
    )


def relative_cost(texts: list[LabelledText]) -> float:
    """How much work a text is on average, compared with the one that the models' cards are measured on."""
    words = sum(len(text.text.split()) for text in texts) / len(texts)
    return max(0.05, words * TOKENS_A_WORD / CARD_TOKENS)


def some(texts: list[LabelledText]) -> list[dict[str, Any]]:
    """A few texts of each class, spread over the table."""
    classes = labelled.by_size(text.label for text in texts)
    each = max(1, min(TEXTS_A_CLASS, MOST_TEXTS // len(classes)))
    rows: list[dict[str, Any]] = []
    for label in classes[:MOST_TEXTS]:
        own = [text for text in texts if text.label == label]
        for text in own[:: max(1, len(own) // each)][:each]:
            rows.append({"label": label, "name": text.name, "text": text.text[:LONGEST]})
    return rows
