"""Decode every sound file once, find where somebody speaks, and remember both for the next time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engines.contract import Progress
from engines.speech import audio, silence

MOST_THREADS = 2
VERSION = 1
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
    spoken: bool = True
    """False where sound, but no speech was found."""
    spans: tuple[tuple[int, int], ...] = ()
    """Trimmed, and cut into pieces where it is longer than a model hears at once; samples at 16 kHz."""


def check_all(paths: Sequence[Path], work: Path, progress: Progress | None = None) -> list[Checked]:
    """Each path's outcome, in order; the decoded samples are kept below `work`, see `samples`.

    What was found before is remembered in work/speech.json; a file whose size or time of change differs is read again.
    """
    memory = work / "speech.json"
    known = _remembered(memory)
    now: dict[str, list[object]] = {}
    outcomes = []
    silence.speech(np.ones(audio.RATE, np.float32))  # loads the detector once, before threads ask for it
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS))
    try:
        for done, (key, stamp, found) in enumerate(pool.map(lambda path: _check(path, work, known), paths), 1):
            outcomes.append(found)
            now[key] = [*stamp, asdict(found)]
            if progress:
                progress(done, len(paths))
    finally:  # when `progress` asked to stop: what was read so far is still worth remembering
        pool.shutdown(cancel_futures=True)
        if any(known.get(key) != entry for key, entry in now.items()):
            _remember(memory, {**known, **now})
    return outcomes


def samples(work: Path, found: Checked, span: tuple[int, int]) -> np.ndarray:
    """float32 (N,) at 16 kHz: that stretch of a file that was checked below `work`."""
    whole = np.load(_kept(work, found.sha256), mmap_mode="r")
    return np.asarray(whole[span[0] : span[1]], dtype=np.float32) / 32767


def _check(path: Path, work: Path, known: dict[str, list[object]]) -> tuple[str, tuple[int, int], Checked]:
    key = str(path.absolute())
    try:
        status = path.stat()
        stamp = (status.st_size, status.st_mtime_ns)
        if key in known and tuple(known[key][:2]) == stamp:
            values = dict(known[key][2])  # type: ignore[call-overload]
            found = Checked(**{**values, "spans": tuple(tuple(span) for span in values["spans"])})
            if found.reason or _kept(work, found.sha256).exists():
                return key, stamp, found
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return key, (-1, -1), Checked("", f"cannot be opened ({error.strerror})")
    return key, stamp, _look(path, digest, work)


def _look(path: Path, digest: str, work: Path) -> Checked:
    try:
        sound = audio.read(path)
    except audio.UnreadableAudio as error:
        return Checked(digest, str(error))
    if np.abs(sound.samples).max() < silence.QUIET:
        return Checked(digest, "is silent")
    spoken = silence.speech(sound.samples)
    spans = tuple(silence.pieces(sound.samples, spoken))
    target = _kept(work, digest)
    partial = target.with_name(f".{target.name}.{os.getpid()}.{id(sound)}.npy")
    np.save(partial, (sound.samples * 32767).round().astype(np.int16))
    partial.replace(target)
    header = sound.header
    seconds = len(sound.samples) / audio.RATE
    return Checked(
        digest, None, seconds, header.rate, header.channels, sound.clipped, sound.broken, bool(spoken), spans
    )


def _kept(work: Path, digest: str) -> Path:
    folder = work / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest}.{VERSION}.npy"


def _remembered(memory: Path) -> dict[str, list[object]]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found["files"] if isinstance(found, dict) and found.get("version") == VERSION else {}


def _remember(memory: Path, known: dict[str, list[object]]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f".{memory.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps({"version": VERSION, "files": known}), encoding="utf-8")
    partial.replace(memory)
