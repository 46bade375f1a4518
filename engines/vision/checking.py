"""Look at somebody's photographs before anything trains."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from engines import places
from engines.contract import DataReport, Progress, Strategy, TaskInfo
from engines.data.folds import FEW, by_itself
from engines.data.splits import complete
from engines.vision.datasets import Photograph, correct, corrected_digest, open_photographs
from engines.vision.images import thumbnail
from engines.vision.settings import VisionSettings

PICTURES_A_CLASS = 6
MOST_PICTURES = 60


def report(
    info: TaskInfo,
    data: Path,
    settings: VisionSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be trained on it."""
    found = open_photographs(data, places.work(data), progress=progress)
    given = [example.split for example in found.examples]
    if test is not None:
        extra = open_photographs(test, places.work(test), progress=progress, to_train=False)
        found.skipped += extra.skipped
        parts = Counter({"test": len(extra.examples)})
        share = 0.0
    else:
        parts, share = Counter(), settings.test_fraction
    drawn = complete(
        given, [e.label for e in found.examples], [e.sha256 for e in found.examples],
        validation=settings.validation_fraction, test=share, seed=seed,
    )  # fmt: skip
    examples, kept, remarks = correct(found.examples, settings.corrections)
    parts.update(part for part, is_kept in zip(drawn, kept, strict=True) if is_kept)
    examples = [example for example, is_kept in zip(examples, kept, strict=True) if is_kept]
    carried, folds = 0, []
    if test is None and not {"test", "validation"} & set(given):
        carried = by_itself([example.label for example in examples], [example.sha256 for example in examples])
    if settings.folds is None and settings.folds_for(Strategy.FEATURES, 1, carried):
        folds = [
            f"Fewer than {FEW} photographs: where a part of the network stays frozen (only the head learns, or the "
            f"last blocks), each is tested once, in {carried} folds, by a network that has not seen it."
        ]
    return DataReport(
        task=info.name,
        data=str(data),
        n_examples=len(examples),
        classes=dict(sorted(Counter(e.label for e in examples).items())),
        splits={name: parts.get(name, 0) for name in ("train", "validation", "test")},
        skipped=found.skipped,
        notes=[*found.notes, *remarks, *folds],
        sha256=corrected_digest(found.sha256, settings.corrections, remarks),
        gallery=pictures(examples, gallery) if gallery else [],
        details={"folds": carried},
    )


def pictures(examples: list[Photograph], out: Path) -> list[dict[str, Any]]:
    """Thumbnails of a few pictures of each class, spread over its files."""
    classes = sorted({example.label for example in examples})
    each = max(1, min(PICTURES_A_CLASS, MOST_PICTURES // len(classes)))
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for label in classes[:MOST_PICTURES]:
        own = [example for example in examples if example.label == label]
        for example in own[:: max(1, len(own) // each)][:each]:
            target = out / f"{len(rows):03d}.jpg"
            thumbnail(example.path, target)
            rows.append({"label": label, "name": example.name, "thumbnail": str(target)})
    return rows
