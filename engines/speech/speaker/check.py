"""Listen to somebody's voices before anything learns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engines.contract import DataReport, Progress, Task
from engines.data.folds import by_itself
from engines.speech.audio.preview import budget, details, shown
from engines.speech.settings import SpeakerSettings
from engines.speech.speaker.prepare import opened
from engines.training import shots


def report(
    task: Task,
    data: Path,
    settings: SpeakerSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be learnt from it."""
    found, parts = opened(data, test, settings, seed=seed, progress=progress)
    speakers = [clip.speaker for clip in found.clips]
    splits, few = shots.counted(
        parts,
        speakers,
        sorted(set(speakers)),
        [clip.checked.sha256 for clip in found.clips],
        settings.shots,
        seed,
        own_test=test is not None or any(clip.source.split == "test" for clip in found.clips),
        unit=task.info.unit,
    )
    carried = 0
    if test is None and not {"test", "validation"} & {clip.source.split for clip in found.clips}:
        carried = by_itself([clip.speaker for clip in found.clips], [clip.checked.sha256 for clip in found.clips])
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(found.clips),
        classes=dict(sorted(Counter(clip.speaker for clip in found.clips).items())),
        splits=splits,
        skipped=found.skipped,
        notes=[*found.notes, *few],
        sha256=found.sha256,
        gallery=[row | {"label": row["speaker"]} for row in shown(found, gallery, parts)] if gallery else [],
        details={
            **details(found),
            "folds": carried,
            "budget": budget(found, parts, [clip.speaker for clip in found.clips]),
        },
        read_as=found.read_as,
    )
