"""Look at somebody's texts before anything trains."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from engines import places
from engines.contract import DataReport, Progress, TaskInfo
from engines.data import labelled
from engines.data.splits import complete
from engines.text.datasets import LabelledText, open_texts
from engines.text.settings import TextSettings

TEXTS_A_CLASS = 6
MOST_TEXTS = 60
TOKENS_A_WORD = 1.4
CARD_TOKENS = 64
"""As `networks.MEASURED_TOKENS`."""
LONGEST = 600
"""Characters shown of a text."""


def report(
    info: TaskInfo,
    data: Path,
    settings: TextSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be trained on it."""
    opened = partial(
        open_texts, text_column=settings.text_column, label_column=settings.label_column, progress=progress
    )
    found = opened(data, places.work(data))
    parts: Counter[str] = Counter()
    share, skipped = settings.test_fraction, found.skipped
    if test is not None:
        extra = opened(test, places.work(test), to_train=False)
        parts["test"], share, skipped = len(extra.examples), 0.0, skipped + extra.skipped
    drawn = complete(
        [t.split for t in found.examples], [t.label for t in found.examples], [t.sha256 for t in found.examples],
        validation=settings.validation_fraction, test=share, seed=seed,
    )  # fmt: skip
    corrected, kept, remarks = labelled.correct(found.examples, settings.corrections)
    texts = [text for text, is_kept in zip(corrected, kept, strict=True) if is_kept]
    parts.update(part for part, is_kept in zip(drawn, kept, strict=True) if is_kept)
    return DataReport(
        task=info.name,
        data=str(data),
        n_examples=len(texts),
        classes=dict(sorted(Counter(t.label for t in texts).items())),
        splits={name: parts.get(name, 0) for name in ("train", "validation", "test")},
        skipped=skipped,
        notes=[*found.notes, *remarks],
        sha256=labelled.corrected_digest(found.sha256, settings.corrections, remarks),
        gallery=some(texts) if gallery else [],
        details=found.details() | {"relative_cost": relative_cost(texts)},
    )


def relative_cost(texts: list[LabelledText]) -> float:
    """How much work a text is on average, compared with the one that the models' cards are measured on."""
    words = sum(len(text.text.split()) for text in texts) / len(texts)
    return max(0.05, words * TOKENS_A_WORD / CARD_TOKENS)


def some(texts: list[LabelledText]) -> list[dict[str, Any]]:
    """A few texts of each class, spread over the table."""
    classes = sorted({text.label for text in texts})
    each = max(1, min(TEXTS_A_CLASS, MOST_TEXTS // len(classes)))
    rows: list[dict[str, Any]] = []
    for label in classes[:MOST_TEXTS]:
        own = [text for text in texts if text.label == label]
        for text in own[:: max(1, len(own) // each)][:each]:
            rows.append({"label": label, "name": text.name, "text": text.text[:LONGEST]})
    return rows
