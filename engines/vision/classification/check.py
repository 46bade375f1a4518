"""Look at somebody's photographs before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import DataReport, Progress, Strategy, Task
from engines.data.class_names import by_size
from engines.data.folds import FEW, by_itself
from engines.data.labelled import counted
from engines.messages import _
from engines.training import shots
from engines.vision.classification import clinic
from engines.vision.classification.data_quality import Photograph
from engines.vision.classification.opening import open_data
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.reading import thumbnail

PICTURES_A_CLASS = 6
MOST_PICTURES = 60


def report(
    task: Task,
    data: Path,
    settings: VisionSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be trained on it."""
    opened = open_data(data, test, settings, seed=seed, progress=progress)
    found, used = opened.found, opened.used
    own_test = any(example.split == "test" for example in found.examples)
    splits, few = shots.counted(
        opened.parts.tolist(),
        [example.label for example in opened.examples],
        opened.classes,
        [example.sha256 for example in opened.examples],
        settings.shots,
        seed,
        own_test=own_test or test is not None,
        unit=task.info.unit,
    )
    looked_for = []
    if found.clinical:
        looked_for = clinic.read_as(opened.classes, [one.label for one in used], settings.positive_class)
    carried = 0
    if not {"test", "validation"} & {example.split for example in found.examples}:
        carried = by_itself([example.label for example in used], [example.group for example in used])
    folds = []
    if settings.folds is None and settings.folds_for(Strategy.FEATURES, 1, carried):
        folds = [
            _(
                "Fewer than {few} photographs: where a part of the network stays frozen (only the "
                "head learns, or the last blocks), each is tested once, in {carried} folds, by a "
                "network that has not seen it.",
                few=FEW,
                carried=carried,
            )
        ]
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(used),
        classes=counted(example.label for example in used),
        splits=splits,
        skipped=found.skipped,
        notes=[*found.notes, *opened.remarks, *folds, *few],
        sha256=opened.sha256,
        gallery=pictures(used, gallery, found.white) if gallery else [],
        details={"folds": carried, **({"notice": clinic.NOTICE, "scans": found.scans} if found.clinical else {})},
        read_as=found.read_as + looked_for,
    )


def pictures(examples: list[Photograph], out: Path, white: float | None) -> list[dict[str, Any]]:
    """Thumbnails of a few pictures of each class, spread over its files."""
    classes = by_size(example.label for example in examples)
    each = max(1, min(PICTURES_A_CLASS, MOST_PICTURES // len(classes)))
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for label in classes[:MOST_PICTURES]:
        own = [example for example in examples if example.label == label]
        for example in own[:: max(1, len(own) // each)][:each]:
            target = out / f"{len(rows):03d}.jpg"
            thumbnail(example.path, target, white=white)
            rows.append({"label": label, "name": example.name, "thumbnail": str(target)})
    return rows
