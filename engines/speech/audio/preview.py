"""Somebody's clips before anything learns: what they add up to, and the first of them to look at and listen to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines.evidence.budgets import bounds
from engines.messages import _
from engines.speech.audio import files, spectrograms
from engines.speech.audio.clip import UNSTATED, Clip, Clips

MOST_SHOWN = 60
SPOKEN = _("seconds of speech")
"""What a budget counts."""


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


def budget(found: Clips, parts: Sequence[str], kinds: Sequence[str]) -> dict[str, Any]:
    """What a comparison may give to learn from of these clips, each of a kind (accent or speaker): low, high, unit."""
    free = [i for i, part in enumerate(parts) if part != "test"]
    low, high = bounds([kinds[i] for i in free], [found.clips[i].seconds for i in free])
    return {"low": low, "high": high, "unit": SPOKEN}


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
    spectrograms.draw(samples, picture)
    files.write(sound, samples)
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
