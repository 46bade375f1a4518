"""How scripts and exported models read a sound file without Headstart: as `files.read` and `decode_cache` do."""

import importlib.util
from math import gcd
from pathlib import Path

import numpy as np
import soundfile

from engines.speech.audio.files import RATE, SHORTEST
from engines.speech.audio.resampling import MOST_PHASES
from engines.speech.audio.voice_activity import QUIET, pieces, speech


def needs() -> tuple[str, ...]:
    """The packages that this needs; what finds speech is optional."""
    detector = ("silero-vad",) if importlib.util.find_spec("silero_vad") else ()
    return ("numpy", "soundfile", "torch", "torchaudio", *detector)


def samples(path: Path) -> np.ndarray:
    """int16 (N,) at 16 kHz, the mean of the channels."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = np.nan_to_num(sound, nan=0.0, posinf=1.0, neginf=-1.0).mean(axis=1)
    mono = mono / max(1.0, float(np.abs(mono).max(initial=0.0)))
    if rate != RATE:
        import torch
        from torchaudio.functional import resample

        if rate // gcd(rate, RATE) * (RATE // gcd(rate, RATE)) > MOST_PHASES:
            rate = round(rate, -2)
        mono = resample(torch.from_numpy(mono), rate, RATE).numpy().clip(-1, 1)
    whole: np.ndarray = (mono * 32767).round().astype(np.int16)
    return whole


def spoken(path: Path) -> list[np.ndarray]:
    """float32 (N,) each: the stretches of a file that a model listens to, without the silence around. Raises ValueError
    that says what is wrong, to go on with after the file's name."""
    try:
        sound = samples(path).astype(np.float32) / 32767
    except (OSError, TypeError, soundfile.LibsndfileError):
        raise ValueError("is no sound file, or a damaged one") from None
    if len(sound) < SHORTEST * RATE:
        raise ValueError(f"lasts {len(sound) / RATE:.2f} s: too short to say anything")
    if np.abs(sound).max() < QUIET:
        raise ValueError("is silent")
    return [sound[first:last] for first, last in pieces(sound, speech(sound))]
