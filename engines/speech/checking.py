"""Listen to somebody's clips before anything learns."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path
from typing import Any

from engines import places
from engines.contract import DataReport, Progress, TaskInfo
from engines.speech import audio, pictures
from engines.speech.clips import UNSTATED, Clip, Clips, open_clips
from engines.speech.preparing import split, with_test
from engines.speech.settings import TranscriptionSettings

MOST_SHOWN = 60


def report(
    info: TaskInfo,
    data: Path,
    settings: TranscriptionSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be learnt from it."""
    open_ = functools.partial(
        open_clips, needs="transcription", accent=settings.accent, edits=settings.transcripts, progress=progress
    )
    found = open_(data, places.work(data))
    if test is None:
        parts = split(found.clips, settings, test=True, seed=seed)
    else:
        extra = open_(test, places.work(test), to_train=False)
        found, parts = with_test(found, extra, settings, seed)
    counts = Counter(parts)
    return DataReport(
        task=info.name,
        data=str(data),
        n_examples=len(found.clips),
        classes={},
        splits={name: counts.get(name, 0) for name in ("train", "validation", "test")},
        skipped=found.skipped,
        notes=found.notes,
        sha256=found.sha256,
        gallery=shown(found, gallery, parts) if gallery else [],
        details=details(found),
    )


def details(found: Clips) -> dict[str, Any]:
    """Seconds of speech, by accent and by speaker, and how long the clips are."""
    by_accent: Counter[str] = Counter()
    by_speaker: Counter[str] = Counter()
    for clip in found.clips:
        by_accent[clip.accent] += 1
        if clip.speaker:
            by_speaker[clip.speaker] += 1
    return {
        "accents": {name: n for name, n in sorted(by_accent.items()) if len(by_accent) > 1 or name != UNSTATED},
        "speakers": dict(by_speaker.most_common(50)),
        "durations": [round(clip.seconds, 2) for clip in found.clips],
        "clipped": sum(clip.is_clipped for clip in found.clips),
    }


def shown(found: Clips, out: Path, parts: list[str]) -> list[dict[str, Any]]:
    """A picture and a sound of the first clips, to look at and listen to."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (clip, part) in enumerate(zip(found.clips[:MOST_SHOWN], parts, strict=False)):
        rows.append(row(found, clip, out / f"{number:03d}") | {"part": part})
    return rows


def row(found: Clips, clip: Clip, target: Path) -> dict[str, Any]:
    """One clip as the page shows it; its picture and sound are written beside `target`."""
    samples = found.samples(clip)
    picture, sound = target.with_suffix(".png"), target.with_suffix(".ogg")
    pictures.draw(samples, picture)
    audio.write(sound, samples)
    return {
        "label": clip.text or clip.speaker,
        "name": clip.name,
        "thumbnail": str(picture),
        "sound": str(sound),
        "seconds": round(clip.seconds, 2),
        "accent": clip.source.accent or "",
        "speaker": clip.speaker,
        "clipped": clip.is_clipped,
        "file": clip.source.name,
    }
