"""Listen to somebody's clips before anything learns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engines.contract import DataReport, Progress, Task
from engines.speech.audio.preview import budget, details, shown
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.prepare import opened


def report(
    task: Task,
    data: Path,
    settings: TranscriptionSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be learnt from it."""
    found, parts = opened(data, test, settings, seed=seed, progress=progress)
    counts = Counter(parts)
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(found.clips),
        classes={},
        splits={name: counts.get(name, 0) for name in ("train", "validation", "test")},
        skipped=found.skipped,
        notes=found.notes,
        sha256=found.sha256,
        gallery=shown(found, gallery, parts) if gallery else [],
        details={**details(found), "budget": budget(found, parts, [clip.accent for clip in found.clips])},
        read_as=found.read_as,
    )
