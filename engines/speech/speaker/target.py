"""Clips of a new domain, such as another room or a telephone, for a model that learns from others."""

from __future__ import annotations

from pathlib import Path

from engines import paths
from engines.adaptation.target import Brought, Source, drawn
from engines.contract import InputError, Progress, Skipped
from engines.speech.audio import decode_cache, folders
from engines.speech.audio.clips import cut
from engines.speech.audio.recordings import Reading
from engines.speech.settings import SpeakerSettings
from engines.speech.speaker.prepare import opened


def source_of(data: Path, settings: SpeakerSettings, *, seed: int) -> Source:
    """Of the clips in `data`. Raises InputError."""
    found, _ = opened(data, None, settings, seed=seed, progress=None)
    return Source(
        sorted({clip.speaker for clip in found.clips}), frozenset(clip.checked.sha256 for clip in found.clips)
    )


def open_target(
    path: Path,
    source: Source,  # noqa: ARG001  (every task's is asked alike)
    settings: SpeakerSettings,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Brought:
    """The first part of each sound file in `path`, drawn before any is decoded, with the speaker that the data name.

    Items are `Clip`s. Raises InputError where there is none.
    """
    work, reading = paths.work(path), Reading.by(settings, "speaker")
    recordings, skipped = folders.unlabelled(path, work, reading)
    try:
        speakers = {own.path: own.speaker or "" for own in folders.listing(path, work, reading).recordings}
    except InputError:  # nothing says who speaks, as is usual here
        speakers = {}
    chosen = [recordings[i] for i in drawn(len(recordings), seed)]
    outcomes = decode_cache.check_all([own.path for own in chosen], work, progress)
    skipped += [Skipped(own.name, o.reason) for own, o in zip(chosen, outcomes, strict=True) if o.reason]
    clips = [cut(own, o)[0] for own, o in zip(chosen, outcomes, strict=True) if not o.reason]
    return Brought(
        clips,
        [clip.name for clip in clips],
        [clip.checked.sha256 for clip in clips],
        [speakers.get(clip.source.path, "") for clip in clips],
        len(recordings),
        skipped,
        [],
    )
