"""Sound files of every kind people have, good and bad, and where silence is."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.contract import InputError
from engines.speech.audio import decode_cache, decoder_messages, files, voice_activity
from tests.tiny_speech import tone

RATE = files.RATE


def write(path: Path, sound: np.ndarray, rate: int = RATE, **options: str) -> Path:
    soundfile.write(path, sound, rate, **options)
    return path


@pytest.mark.parametrize(
    ("name", "rate", "channels", "options"),
    [
        ("stereo.wav", 16_000, 2, {}),
        ("telephone.wav", 8_000, 1, {}),
        ("studio.wav", 96_000, 1, {}),
        ("24-bit.wav", 44_100, 1, {"subtype": "PCM_24"}),
        ("float.wav", 22_050, 1, {"subtype": "FLOAT"}),
        ("mu-law.wav", 8_000, 1, {"subtype": "ULAW"}),
        ("8-bit.wav", 16_000, 1, {"subtype": "PCM_U8"}),
        ("timit.wav", 16_000, 1, {"format": "NIST", "subtype": "PCM_16"}),
        ("opus.opus", 48_000, 1, {"format": "OGG", "subtype": "OPUS"}),
        ("four.wav", 48_000, 4, {}),
        ("odd.wav", 44_101, 1, {}),
        ("a.flac", 32_000, 1, {}),
        ("a.ogg", 48_000, 2, {}),
        ("a.mp3", 44_100, 1, {}),
    ],
)
def test_whatever_it_was_recorded_with_becomes_mono_16_khz(
    tmp_path: Path, name: str, rate: int, channels: int, options: dict[str, str]
) -> None:
    path = write(tmp_path / name, tone(1.0, rate, channels), rate, **options)
    found = files.read(path)
    assert (found.header.rate, found.header.channels) == (rate, channels)
    assert found.samples.dtype == np.float32
    assert len(found.samples) == pytest.approx(RATE, abs=RATE * 0.06)  # MP3 pads
    assert np.abs(found.samples).max() == pytest.approx(0.3, abs=0.05)
    loudest = np.fft.rfftfreq(len(found.samples), 1 / RATE)[np.abs(np.fft.rfft(found.samples)).argmax()]
    assert loudest == pytest.approx(220, abs=2)
    assert found.clipped == 0
    assert not found.broken


def test_channels_are_averaged(tmp_path: Path) -> None:
    sound = np.stack([np.full(4000, 0.5), np.full(4000, -0.25)], axis=1).astype(np.float32)
    np.testing.assert_allclose(files.read(write(tmp_path / "a.wav", sound)).samples, 0.125, atol=1e-4)


def test_channels_that_cancel_each_other_leave_the_louder_one(tmp_path: Path) -> None:
    one = tone(1.0)
    found = files.read(write(tmp_path / "a.wav", np.concatenate([0.8 * one, -one], axis=1)))
    assert not found.cancelled  # a tenth of the louder one is left: the quieter channel is no copy
    found = files.read(write(tmp_path / "b.wav", np.concatenate([0.95 * one, -one], axis=1)))
    assert found.cancelled
    np.testing.assert_allclose(found.samples, -one[:, 0], atol=1e-4)
    silent = files.read(write(tmp_path / "c.wav", np.zeros((RATE, 2))))
    assert not silent.cancelled


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0 ftypM4A ", "an M4A or MP4 file"),
        (b"\x1aE\xdf\xa3\x01", "a WebM or Matroska file"),
        (b"#!AMR\n", "an AMR file"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9", "a Windows Media file"),
    ],
)
def test_formats_that_are_not_read_are_named_whatever_the_file_is_called(
    tmp_path: Path, start: bytes, kind: str
) -> None:
    (tmp_path / "voice.wav").write_bytes(start + bytes(500))
    with pytest.raises(files.UnreadableAudio, match=f"^is {kind}, which is not read here"):
        files.read(tmp_path / "voice.wav")


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_too_short(tmp_path: Path, seconds: float) -> None:
    path = write(tmp_path / "a.wav", tone(seconds))
    with pytest.raises(files.UnreadableAudio, match=r"holds no sound|lasts 0\.05 s"):
        files.read(path)


def test_text_called_wav_and_other_formats(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello, I am a wave file")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "old.voc", tone(1.0), 16_000, format="VOC", subtype="PCM_16")
    for name, reason in (("text.wav", "is no sound file"), ("empty.wav", "is empty"), ("old.voc", "is a VOC file")):
        with pytest.raises(files.UnreadableAudio, match=reason):
            files.read(tmp_path / name)
    with pytest.raises(files.UnreadableAudio, match="cannot be opened"):
        files.read(tmp_path / "absent.wav")


def test_a_header_that_promises_ten_hours_is_refused_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FLAC header names the number of samples, whatever follows."""
    path = write(tmp_path / "a.flac", tone(1.0))
    raw = bytearray(path.read_bytes())
    frames = 10 * 3600 * RATE
    (word,) = struct.unpack(">Q", raw[18:26])  # rate, channels, bits and 36 bits of sample count
    raw[18:26] = struct.pack(">Q", (word >> 36 << 36) | frames)
    path.write_bytes(raw)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(files.UnreadableAudio, match=r"promises 10\.0 hours of sound, accepted here: 120 minutes"):
        files.read(path)


def test_a_wave_file_that_promises_more_than_it_has_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(1.0))
    raw = bytearray(path.read_bytes())
    raw[40:44] = struct.pack("<I", 2 * 10 * 3600 * RATE)
    path.write_bytes(raw)
    assert len(files.read(path).samples) == RATE


def test_channels_count_towards_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_AUDIO_SAMPLES", "40000")
    files.read(write(tmp_path / "two.wav", tone(1.0, channels=2)))
    with pytest.raises(files.UnreadableAudio, match="promises"):
        files.read(write(tmp_path / "four.wav", tone(1.0, channels=4)))
    monkeypatch.setenv("HEADSTART_AUDIO_SAMPLES", "lots")
    with pytest.raises(InputError, match="HEADSTART_AUDIO_SAMPLES"):
        files.most_samples()


def test_an_mp3_with_a_broken_frame_is_read_around_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.mp3", tone(3.0))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 60] = bytes(60)
    path.write_bytes(raw)
    assert len(files.read(path).samples) > 2.5 * RATE
    assert capfd.readouterr().err == ""  # libmpg123 has its say about it


def test_what_decoders_say_is_dropped_and_what_python_says_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with decoder_messages.dropped():
        with decoder_messages.dropped():
            os.write(2, b"within;")
        os.write(2, b"still within;")
        print("python;", file=sys.stderr, end="", flush=True)
    os.write(2, b"afterwards;")
    assert sorted(capfd.readouterr().err.split(";")) == ["", "afterwards", "python"]


def test_a_flac_that_was_cut_short_gives_what_there_is_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", tone(3.0))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    found = files.read(path)
    assert found.broken
    assert RATE / 2 < len(found.samples) < 2 * RATE


def test_clipping_is_measured_in_the_loudest_channel(tmp_path: Path) -> None:
    sound = np.concatenate([tone(1.0), np.clip(tone(1.0, loud=4.0), -1, 1)], axis=1)
    assert files.read(write(tmp_path / "a.wav", sound)).clipped > 0.5


def test_numbers_that_are_none_and_floats_beyond_full_scale(tmp_path: Path) -> None:
    sound = tone(1.0)
    sound[100], sound[200] = np.nan, np.inf
    found = files.read(write(tmp_path / "a.wav", sound, subtype="FLOAT"))
    assert np.isfinite(found.samples).all()
    louder = files.read(write(tmp_path / "b.wav", 10 * tone(1.0), subtype="FLOAT")).samples
    assert np.abs(louder).max() == pytest.approx(1.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=400),
    st.sampled_from(sorted(files.EXTENSIONS)),
    st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, suffix: str, start: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(start + content)
    with contextlib.suppress(files.UnreadableAudio):
        assert np.isfinite(files.read(path).samples).all()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_wave_file_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(write(tmp_path / "a.wav", tone(0.2)).read_bytes())
    for place in data.draw(st.lists(st.integers(0, 60), max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "b.wav"
    path.write_bytes(raw)
    with contextlib.suppress(files.UnreadableAudio):
        assert np.abs(files.read(path).samples).max() <= 1


# --- silence --------------------------------------------------------------------------------------


def noise(seconds: float, loud: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(0).normal(0, loud / 3, round(seconds * RATE))).astype(np.float32)


def test_stretches_that_are_loud() -> None:
    sound = np.concatenate([noise(0.5, 1e-4), noise(1.0), noise(0.6, 1e-4), noise(0.5), noise(0.4, 1e-4)])
    spans = voice_activity.by_loudness(sound)
    assert [(round(a / RATE, 1), round(b / RATE, 1)) for a, b in spans] == [(0.5, 1.5), (2.1, 2.6)]
    first, last = voice_activity.trimmed(sound, spans)
    assert (first / RATE, last / RATE) == pytest.approx((0.3, 2.8), abs=0.06)


def test_silence_has_no_speech() -> None:
    assert voice_activity.speech(np.zeros(RATE, np.float32)) == []
    assert voice_activity.trimmed(np.zeros(100), []) == (0, 100)


def test_a_long_clip_is_cut_in_its_pauses() -> None:
    spans = [(i * 10 * RATE, i * 10 * RATE + 9 * RATE) for i in range(12)]  # 9 s of speech, 1 s of pause
    sound = np.ones(120 * RATE, np.float32)
    cuts = voice_activity.pieces(sound, spans)
    assert cuts[0][0] == 0
    assert all(a[1] == b[0] for a, b in pairwise(cuts))
    assert all((stop - start) / RATE <= voice_activity.LONGEST for start, stop in cuts)
    assert {round(stop / RATE % 10, 1) for _, stop in cuts[:-1]} == {9.5}


def test_without_a_pause_it_is_cut_where_it_is_quietest() -> None:
    sound = noise(60.0)
    sound[25 * RATE : 25 * RATE + RATE // 4] = 0
    (_, cut), *rest = voice_activity.pieces(sound, [(0, len(sound))])
    assert 25 <= cut / RATE <= 25.25
    assert rest[-1][1] == len(sound)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.floats(1.0, 30.0))
def test_pieces_cover_the_clip_and_fit(seconds: int, longest: float) -> None:
    sound = np.ones(seconds * 1000, np.float32)  # as if at 1 kHz: quick to make
    scaled = longest * 1000 / RATE
    cuts = voice_activity.pieces(sound, [(0, len(sound))], scaled) if len(sound) > RATE // 20 * 3 else [(0, len(sound))]
    assert (cuts[0][0], cuts[-1][1]) == (0, len(sound))
    assert all(a[1] == b[0] for a, b in pairwise(cuts))


# --- checked once ---------------------------------------------------------------------------------


def test_what_was_checked_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, silent = write(tmp_path / "a.wav", tone(1.0)), write(tmp_path / "b.wav", np.zeros(RATE))
    first = decode_cache.check_all([good, silent], tmp_path / "work")
    assert [found.reason for found in first] == [None, "is silent"]
    sound = decode_cache.samples(tmp_path / "work", first[0], (0, RATE))
    np.testing.assert_allclose(sound, tone(1.0)[:, 0], atol=2e-4)
    monkeypatch.setattr(files, "read", lambda _: pytest.fail("it was read again"))
    assert decode_cache.check_all([good, silent], tmp_path / "work") == first


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(1.0))
    (first,) = decode_cache.check_all([path], tmp_path / "work")
    write(path, tone(2.0))
    (second,) = decode_cache.check_all([path], tmp_path / "work")
    assert (first.seconds, second.seconds) == (1.0, 2.0)


@pytest.mark.parametrize("name", ["a.aiff", "a.caf", "a.au"])
def test_formats_of_other_computers_are_read(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, tone(1.0), 16_000)
    assert len(files.read(tmp_path / name).samples) == 16_000


def test_a_header_that_was_written_before_all_of_the_sound_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(1.0))
    whole = bytearray(path.read_bytes())
    assert not files.read(path).broken
    at = whole.index(b"data") + 4
    whole[at : at + 4] = (8_000).to_bytes(4, "little")
    path.write_bytes(bytes(whole))
    sound = files.read(path)
    assert (len(sound.samples), sound.broken) == (4_000, True)
