"""Listen to somebody's voices before anything learns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engines import places
from engines.contract import DataReport, Progress, TaskInfo
from engines.speech.checking import details, shown
from engines.speech.clips import open_clips
from engines.speech.settings import SpeakerSettings
from engines.speech.voices import split, with_test


def report(
    info: TaskInfo,
    data: Path,
    settings: SpeakerSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be learnt from it."""
    found = open_clips(data, places.work(data), needs="speaker", progress=progress)
    if test is None:
        parts = split(found.clips, settings, test=True, seed=seed)
    else:
        extra = open_clips(test, places.work(test), needs="speaker", progress=progress, to_train=False)
        found, parts = with_test(found, extra, test.name, settings, seed)
    counts = Counter(parts)
    return DataReport(
        task=info.name,
        data=str(data),
        n_examples=len(found.clips),
        classes=dict(sorted(Counter(clip.speaker for clip in found.clips).items())),
        splits={name: counts.get(name, 0) for name in ("train", "validation", "test")},
        skipped=found.skipped,
        notes=found.notes,
        sha256=found.sha256,
        gallery=[row | {"label": row["speaker"]} for row in shown(found, gallery, parts)] if gallery else [],
        details=details(found),
    )
