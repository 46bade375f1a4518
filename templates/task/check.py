"""Look at somebody's data before anything learns.

To change: what the gallery shows, pictures under 'thumbnail' or words under 'text'; `details` holds what only a page of
your own reads.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from engines.contract import DataReport, Progress, Task
from templates.task import pictures, prepare
from templates.task.prepare import Signal
from templates.task.settings import ShapesSettings

SHOWN_A_CLASS = 5


def report(
    task: Task,
    data: Path,
    settings: ShapesSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError where nothing could be learnt from it."""
    found = prepare.prepare(data, test, settings, seed, progress)
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(found.signals),
        classes=dict(sorted(Counter(signal.label for signal in found.signals).items())),
        splits={part: len(positions) for part, positions in found.parts.items()},
        skipped=found.skipped,
        notes=found.notes,
        sha256=found.sha256,
        gallery=shown(found.signals, gallery) if gallery else [],
    )


def shown(signals: list[Signal], out: Path) -> list[dict[str, Any]]:
    """A few of each class, drawn below `out`."""
    rows: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    for signal in signals:
        seen[signal.label] += 1
        if seen[signal.label] <= SHOWN_A_CLASS:
            picture = pictures.draw(signal.values, out / f"{len(rows):03d}.png")
            rows.append({"label": signal.label, "name": signal.name, "thumbnail": str(picture)})
    return rows
