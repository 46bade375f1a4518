"""Clips of a new domain: read, with what is said in them put aside where the data say it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines import paths
from engines.adaptation import rule
from engines.adaptation.target import about_copies, about_draw, drawn, none_read
from engines.contract import InputError, Progress, Skipped, TaskInfo
from engines.messages import _, _n
from engines.speech.audio import decode_cache, folders
from engines.speech.audio.clip import Clip
from engines.speech.audio.clips import cut
from engines.speech.audio.recordings import Reading
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.prepare import Selection, opened
from engines.speech.transcription.word_errors import plain_words


@dataclass(frozen=True)
class NewClips:
    """What was brought of the new domain."""

    clips: list[Clip]
    texts: list[str]
    """What is said in each, '' where it is not known. For the truth alone."""
    judged: np.ndarray
    """int64 (K,): the clips by which the truth is known: written down, and neither they nor their words learnt from."""
    work: Path
    found: int
    """How many files there are, of which these may be a draw."""
    skipped: list[Skipped]
    notes: list[str]

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def labelled(self) -> int:
        return sum(map(bool, self.texts))

    def selection(self) -> Selection:
        """With their samples, and without a word of what is said in them."""
        names, nothing = [clip.name for clip in self.clips], ["" for _ in self.clips]
        return Selection(names, nothing, [decode_cache.samples(self.work, c.checked, c.span) for c in self.clips])


def read(
    path: Path,
    settings: TranscriptionSettings,
    *,
    learnt: Collection[str],
    said: Collection[str],
    seed: int,
    unit: str,
    progress: Progress | None = None,
) -> NewClips:
    """The clips in `path`, drawn by the file before any is decoded. `learnt`: digests of what is learnt from; `said`:
    what is said there, as `plain_words`. Raises InputError where there is no clip."""
    work, reading = paths.work(path), Reading.by(settings, "transcription")
    recordings, skipped = folders.unlabelled(path, work, reading)
    try:
        written = {own.path: own.text or "" for own in folders.listing(path, work, reading).recordings}
    except InputError:  # nothing says what is spoken, as is usual here
        written = {}
    chosen = [recordings[i] for i in drawn(len(recordings), seed)]
    outcomes = decode_cache.check_all([own.path for own in chosen], work, progress)
    skipped += [Skipped(own.name, o.reason) for own, o in zip(chosen, outcomes, strict=True) if o.reason]
    clips = [clip for own, o in zip(chosen, outcomes, strict=True) if not o.reason for clip in cut(own, o)]
    if not clips:
        raise none_read(skipped, unit)
    # of a long recording it is not known which part of its words a part holds
    texts = [written.get(clip.source.path, "") if clip.parts == 1 else "" for clip in clips]
    plain = [plain_words(text) for text in texts]
    known = np.array([clip.checked.sha256 in learnt for clip in clips])
    met = np.array([text in said for text in plain])
    judged = np.flatnonzero(np.array([bool(text) for text in plain]) & ~known & ~met)
    notes = about_draw(len(chosen), len(recordings), unit)
    if n := sum(map(bool, plain)):
        notes.append(
            _("{n:,} of its {unit} are written down: that is set aside and used for the truth only.", n=n, unit=unit)
        )
    if n := int((met & ~known).sum()):
        notes.append(
            _n(
                "{n:,} says what is said in the data to learn from too: the truth is told without it.",
                "{n:,} say what is said in the data to learn from too: the truth is told without them.",
                n,
            )
        )
    notes += about_copies([f"{clip.checked.sha256} {clip.part}" for clip in clips], known, unit)
    return NewClips(clips, texts, judged, work, len(recordings), skipped, notes)


def report(
    info: TaskInfo, data: Path, target: Path, settings: TranscriptionSettings, *, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """See `contract.Task.check_target`."""
    source, parts = opened(data, None, settings, seed=seed, progress=None)
    found = read(target, settings, **learnt_from(source.clips, parts), seed=seed, unit=info.unit, progress=progress)
    choice = rule.choose(settings.adapt, len(found), info.adapts_by or (), info.unit)
    return {
        "n": len(found),
        "found": found.found,
        "labelled": found.labelled,
        "judged": len(found.judged),
        "method": choice.method,
        "title": choice.title,
        "why": choice.why,
        "notes": found.notes,
        "skipped": [asdict(entry) for entry in found.skipped],
    }


def learnt_from(clips: list[Clip], parts: list[str]) -> dict[str, Any]:
    """`learnt` and `said` of `read`: of all clips, and of those that are not for the test."""
    said = {plain_words(clip.text) for clip, part in zip(clips, parts, strict=True) if part != "test"}
    return {"learnt": {clip.checked.sha256 for clip in clips}, "said": said}
