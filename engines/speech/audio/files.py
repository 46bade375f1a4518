"""Sound files that strangers made, as mono samples: the header is read first, and what it promises is capped."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path

import numpy as np
import soundfile

from engines.cancellation import cancellation_point
from engines.data.foreign import kinds
from engines.environment import number, public
from engines.speech.audio import decoder_messages
from engines.speech.audio.resampling import Resampler

RATE = 16_000  # samples a second, what every model here hears
EXTENSIONS = {
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
    *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".sph"),
}
FOREIGN_EXTENSIONS = {
    *(".m4a", ".mp4", ".m4b", ".3gp", ".3gpp", ".3g2", ".mov", ".aac", ".webm", ".mkv", ".mka", ".wma", ".amr", ".awb"),
    *(".ra", ".rm", ".ape", ".wv", ".tta", ".mid", ".midi"),
}
"""Endings of sound files of other formats, which are named."""
FORMATS = {"WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "NIST", "AIFF", "CAF", "AU"}
"""What libsndfile calls them (NIST is TIMIT's SPHERE). It reads more, which nobody records speech in."""
ACCEPTED = "WAV, FLAC, OGG, OPUS, MP3, AIFF, CAF or AU of at least 0.1 s"
NOT_READ = "which is not read here (WAV, FLAC, OGG and MP3 are)"
NO_SOUND = "is no sound file, or a damaged one"
SHORTEST = 0.1  # seconds
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
MOST_CHANNELS = 64
CHUNK = 1 << 13  # frames decoded at a time: what a damaged frame takes along
FULL_SCALE = 0.999
CANCELLED = 0.1
"""Channels whose mean is fainter than this share of the louder one (-20 dB) cancel each other."""


class UnreadableAudio(Exception):
    """This file is left out; the message says why, to go on with after its name."""


@dataclass(frozen=True)
class Header:
    """What a sound file says of itself."""

    seconds: float
    rate: int
    channels: int


@dataclass(frozen=True)
class Sound:
    """What was in a sound file."""

    samples: np.ndarray
    """float32 (N,) in [-1, 1] at RATE, the mean of the channels; the loudest alone where they cancel each other."""
    header: Header
    clipped: float
    """Share of samples at full scale, in [0, 1], in the loudest channel."""
    broken: bool
    """Whether the file broke off, or could be decoded in part only."""
    cancelled: bool = False
    """Whether its channels cancel each other: one microphone wired in opposite phase."""


def most_samples() -> int:
    """HEADSTART_AUDIO_SAMPLES: seconds × rate × channels that one file may have, 250 million by default.

    That is 43 minutes of stereo at 48 kHz. Raises InputError when it is no number.
    """
    return number("HEADSTART_AUDIO_SAMPLES", 250_000_000, low=1)


def most_minutes() -> int:
    """HEADSTART_AUDIO_MINUTES: how long one file may be. By default 30 on a host for strangers, where listening for
    speech in more would take its processor for more than ten seconds; 120 elsewhere. What is held of a minute is
    3.7 MiB, whatever its rate and channels. Raises InputError when it is no number."""
    return number("HEADSTART_AUDIO_MINUTES", 30 if public() else 120, low=1)


def header(path: Path) -> Header:
    """Reads no sound. Raises UnreadableAudio for a file that is none of FORMATS, too long or too short."""
    with _opened(path) as file:
        return _header(file)


def read(path: Path | bytes) -> Sound:
    """Decodes a file, given as it is or by its path, channel by channel mixed, to RATE. Raises UnreadableAudio."""
    with decoder_messages.dropped():
        found = _decoded(path)
        cancelled = found.loudness.max() > 0 and found.loud < CANCELLED * found.loudness.max()
        if cancelled:
            loudest = int(found.loudness.argmax())
            del found  # or both were held at once
            found = _decoded(path, loudest)
    header = found.header
    if found.frames < SHORTEST * header.rate:
        raise UnreadableAudio(_too_short(found.frames / header.rate))
    if found.peak > 1:  # float files may go beyond full scale
        np.divide(found.samples, found.peak, out=found.samples)
    broken = found.broken or found.frames < 0.98 * header.seconds * header.rate
    return Sound(found.samples.clip(-1, 1, out=found.samples), header, found.clipped, broken, bool(cancelled))


@dataclass(frozen=True)
class _Decoded:
    header: Header
    samples: np.ndarray
    """float32 (N,) at RATE: the mean of the channels, or the one that was asked for."""
    frames: int
    """How many there were at the file's own rate."""
    loud: float
    """Root mean square of what `samples` was made of."""
    peak: float
    """The largest of it, where that is beyond full scale."""
    loudness: np.ndarray
    """float64 (channels,): root mean square of each."""
    clipped: float
    broken: bool


def _decoded(path: Path | bytes, channel: int | None = None) -> _Decoded:
    """All that can be decoded, block by block, so that neither many channels nor a high rate are ever held at once.
    Raises UnreadableAudio."""
    with _opened(path) as file:
        found = _header(file)
        most = min(most_samples() // found.channels, most_minutes() * 60 * found.rate)
        at_rate = Resampler(found.rate, RATE)
        samples = bytearray()  # which grows where it is, unlike a list put together
        at_full_scale, squares = np.zeros(found.channels), np.zeros(found.channels)
        frames, energy, peak = 0, 0.0, 0.0
        broken = False
        while True:
            cancellation_point()
            try:
                block = file.read(min(CHUNK, most + 1 - frames), dtype="float32", always_2d=True)  # (frames, channels)
            except soundfile.LibsndfileError:
                broken = True
                break
            if not len(block):
                break
            frames += len(block)
            if frames > most:
                raise UnreadableAudio(_too_long(found))
            largest = max(float(block.max()), -float(block.min()))
            if not isfinite(largest):
                np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
            if not largest < FULL_SCALE:
                at_full_scale += (np.abs(block) >= FULL_SCALE).sum(axis=0)
            squares += np.einsum("ij,ij->j", block, block)
            mono = block.mean(axis=1) if channel is None else block[:, channel].copy()
            energy += float(np.dot(mono, mono))
            peak = max(peak, float(np.abs(mono).max())) if not largest <= 1 else peak
            samples += at_rate.push(mono).data
        samples += at_rate.finish().data
    n, broken = max(frames, 1), broken or (isinstance(path, Path) and _goes_on(path))
    return _Decoded(
        found,
        np.frombuffer(samples, np.float32),
        frames,
        sqrt(energy / n),
        peak,
        np.sqrt(squares / n),
        float(at_full_scale.max() / n),
        broken,
    )


def _goes_on(path: Path) -> bool:
    """Whether a WAV file holds more behind the sound than its header says, and no chunk of another kind: the header was
    written before all of the sound."""
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return False
        while len(chunk := file.read(8)) == 8:
            name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
            if not re.fullmatch(rb"[ -~]{4}", name):
                return True
            file.seek(size + size % 2, os.SEEK_CUR)
    return False


def write(path: Path, samples: np.ndarray) -> None:
    """Writes float32 (N,) at RATE in the format that the name says; WAV and FLAC keep 16 bits, Ogg is small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE)


def _opened(path: Path | bytes) -> soundfile.SoundFile:
    try:
        if (len(path) if isinstance(path, bytes) else path.stat().st_size) == 0:
            raise UnreadableAudio("is empty")
        return soundfile.SoundFile(io.BytesIO(path) if isinstance(path, bytes) else path)
    except OSError as error:
        raise UnreadableAudio(f"cannot be opened ({error.strerror})") from None
    except (soundfile.LibsndfileError, TypeError):
        kind = kinds.named(path, kinds.SOUNDS)
        raise UnreadableAudio(kind.phrase if kind else NO_SOUND) from None


def _header(file: soundfile.SoundFile) -> Header:
    if file.format not in FORMATS:
        raise UnreadableAudio(f"is a {file.format} file, {NOT_READ}")
    rate, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnreadableAudio(f"has {rate:,} samples a second, accepted: {LOWEST_RATE:,} to {HIGHEST_RATE:,}")
    if channels > MOST_CHANNELS:
        raise UnreadableAudio(f"has {channels} channels")
    found = Header(frames / rate, rate, channels)
    if frames * channels > most_samples() or found.seconds > most_minutes() * 60:
        raise UnreadableAudio(_too_long(found))
    if found.seconds < SHORTEST:
        raise UnreadableAudio(_too_short(found.seconds))
    return found


def _too_long(found: Header) -> str:
    most = min(most_samples() / found.rate / found.channels, most_minutes() * 60)
    told = f"{found.seconds / 3600:.1f} hours" if found.seconds > 3600 else f"{found.seconds / 60:.0f} minutes"
    return f"promises {told} of sound, accepted here: {most / 60:.0f} minutes"


def _too_short(seconds: float) -> str:
    return f"lasts {seconds:.2f} s: too short to say anything" if seconds else "holds no sound"
