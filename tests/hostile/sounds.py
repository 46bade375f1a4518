"""Sound files whose headers lie."""

from __future__ import annotations

import io
import struct
from random import Random

import numpy as np
import soundfile

from tests.hostile.kinds import cut, damaged, kind

SPEECH = ("speech.speaker", "speech.transcription")


def spoken(rng: Random, form: str = "WAV", seconds: float = 1.0, rate: int = 16_000, **options: object) -> bytes:
    noise = np.random.default_rng(rng.randrange(1 << 30)).normal(0, 0.1, int(seconds * rate))
    out = io.BytesIO()
    soundfile.write(out, noise, rate, format=form, **options)
    return out.getvalue()


def with_header(rng: Random, at: int, form: str, value: int) -> bytes:
    whole = bytearray(spoken(rng))
    struct.pack_into(form, whole, at, value)
    return bytes(whole)


@kind(".wav", *SPEECH, plain="reads")
def wav_that_says_it_is_four_gigabytes(rng: Random) -> bytes:
    return with_header(rng, 40, "<I", 0xFFFFFFF0 + rng.randrange(8))


@kind(".wav", *SPEECH)
def wav_of_no_channels(rng: Random) -> bytes:
    return with_header(rng, 22, "<H", rng.choice([0, 65535, 1024]))


@kind(".wav", *SPEECH)
def wav_of_one_sample_a_second(rng: Random) -> bytes:
    return with_header(rng, 24, "<I", rng.choice([0, 1, 3, 0xFFFFFFFF]))


@kind(".wav", *SPEECH, plain="wrong")
def wav_that_is_not_finite(rng: Random) -> bytes:
    whole = bytearray(spoken(rng, subtype="FLOAT"))
    for at in range(len(whole) - 4_000, len(whole), 4):
        struct.pack_into("<f", whole, at, rng.choice([float("nan"), float("inf"), 3e38]))
    return bytes(whole)


@kind(".flac", *SPEECH, slow=True, plain="reads")
def flac_of_an_hour_of_silence(rng: Random) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(rng.randrange(50, 70) * 60 * 48_000 // 4, np.int16), 48_000, format="FLAC")
    return out.getvalue()


@kind(".flac", *SPEECH)
def flac_damaged(rng: Random) -> bytes:
    return damaged(spoken(rng, "FLAC"), rng)


@kind(".ogg", *SPEECH, plain="wrong")
def ogg_cut_short(rng: Random) -> bytes:
    return cut(spoken(rng, "OGG"), rng)


@kind(".mp3", *SPEECH)
def mp3_of_noise(rng: Random) -> bytes:
    return b"\xff\xfb\x90\x64" + rng.randbytes(20_000)


@kind(".mp3", *SPEECH)
def film_that_calls_itself_mp3(rng: Random) -> bytes:
    return struct.pack(">I", 24) + b"ftypmp42" + rng.randbytes(4_000)
