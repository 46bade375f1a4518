"""Decode every sound file once, find where somebody speaks, and remember both for the next time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import Progress
from engines.data import check_cache
from engines.messages import _
from engines.speech.audio import files, voice_activity
from engines.speech.audio.resampling import PIECE

MOST_THREADS = 2
VERSION = 3
"""Raise it when decoding, trimming or splitting changes."""


@dataclass(frozen=True)
class Checked:
    """What was found in a sound file."""

    sha256: str
    """Of the file's bytes; empty when the file could not be opened."""
    reason: str | None
    """Why it can't be used; None when it can."""
    seconds: float = 0.0
    rate: int = 0
    channels: int = 0
    clipped: float = 0.0
    """Share of samples at full scale."""
    broken: bool = False
    cancelled: bool = False
    """Whether its channels cancel each other, so that one of them is used."""
    spoken: bool = True
    """False where sound, but no speech was found."""
    spans: tuple[tuple[int, int], ...] = ()
    """Trimmed, and cut into pieces where it is longer than a model hears at once; samples at 16 kHz."""


def check_all(paths: Sequence[Path], work: Path, progress: Progress | None = None) -> list[Checked]:
    """Each path's outcome, in order; the decoded samples are kept below `work`, see `samples`.

    What was found before is remembered in work/speech.json; a file whose size or time of change differs is read again.
    """
    memory = work / "speech.json"
    remembered = check_cache.read(memory)
    known = remembered["files"] if remembered.get("version") == VERSION else {}
    voice_activity.speech(np.ones(files.RATE, np.float32))  # loads the detector once, before threads ask for it

    def recall(kept: list[Any]) -> Checked | None:
        found = Checked(**{**kept[0], "spans": tuple(tuple(span) for span in kept[0]["spans"])})
        return found if found.reason or _kept(work, found.sha256).exists() else None

    checks = check_cache.Checks(
        look=lambda path, digest: _look(path, digest, work),
        unopened=lambda reason: Checked("", reason),
        entry=lambda found: [asdict(found)],
        recall=recall,
        most_threads=MOST_THREADS,
    )
    return check_cache.check_all(paths, checks, known, partial(_save, memory), progress)


def samples(work: Path, found: Checked, span: tuple[int, int]) -> np.ndarray:
    """float32 (N,) at 16 kHz: that stretch of a file that was checked below `work`."""
    whole = np.load(_kept(work, found.sha256), mmap_mode="r")
    return np.asarray(whole[span[0] : span[1]], dtype=np.float32) / 32767


def _look(path: Path, digest: str, work: Path) -> Checked:
    try:
        sound = files.read(path)
    except files.UnreadableAudio as error:
        return Checked(digest, str(error))
    if voice_activity.silent(sound.samples):
        return Checked(digest, _("is silent"))
    spoken = voice_activity.speech(sound.samples)
    spans = tuple(voice_activity.pieces(sound.samples, spoken))
    target = _kept(work, digest)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.{id(sound)}.npy")
    np.save(unfinished, _rounded(sound.samples))
    unfinished.replace(target)
    header = sound.header
    return Checked(
        digest,
        None,
        len(sound.samples) / files.RATE,
        header.rate,
        header.channels,
        sound.clipped,
        sound.broken,
        sound.cancelled,
        bool(spoken),
        spans,
    )


def _rounded(samples: np.ndarray) -> np.ndarray:
    """int16 (N,) of float32 (N,) in [-1, 1], a piece at a time: of an hour a copy of it all would be as much again."""
    found = np.empty(len(samples), np.int16)
    for start in range(0, len(samples), PIECE):
        found[start : start + PIECE] = (samples[start : start + PIECE] * 32767).round()
    return found


def _kept(work: Path, digest: str) -> Path:
    folder = work / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest}.{VERSION}.npy"


def _save(memory: Path, known: check_cache.Known) -> None:
    check_cache.write(memory, {"version": VERSION, "files": known})
