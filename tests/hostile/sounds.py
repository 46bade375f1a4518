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


def drawn_out(minutes: int, rate: int, period: np.ndarray) -> bytes:
    """FLAC of one thing over and over, which packs to next to nothing; written a minute at a time."""
    out = io.BytesIO()
    minute = np.resize(period.astype(np.int16), 60 * rate)
    with soundfile.SoundFile(out, "w", rate, 1, format="FLAC") as file:
        for _ in range(minutes):
            file.write(minute)
    return out.getvalue()


@kind(".flac", *SPEECH, slow=True, plain="memory")
def flac_of_hours_of_silence(rng: Random) -> bytes:
    """Its header says how long it is, or says nothing, or a minute."""
    whole = bytearray(drawn_out(rng.randrange(60, 90), 48_000, np.zeros(1)))
    (word,) = struct.unpack(">Q", whole[18:26])  # rate, channels, bits, and 36 bits of how many samples
    said = rng.choice([word & (1 << 36) - 1, 0, 60 * 48_000])
    whole[18:26] = struct.pack(">Q", (word >> 36 << 36) | said)
    return bytes(whole)


@kind(".flac", *SPEECH, slow=True, plain="reads")
def flac_of_one_tone_as_long_as_may_be(rng: Random) -> bytes:
    return drawn_out(29, 48_000, 9_000 * np.sin(np.arange(480) * 2 * np.pi * rng.randrange(1, 20) / 480))


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
