"""Resampled a piece at a time, sound is what it is when resampled at once; hours of it take little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torchaudio.functional import resample

from engines import paths
from engines.contract import InputError
from engines.data import check_cache
from engines.speech.audio import files, resampling
from engines.speech.audio.resampling import Resampler
from tests.hostile.sounds import drawn_out


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000, 96_000, 192_000])
def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    monkeypatch.setattr(resampling, "PIECE", 5_000)
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.2, 70_001).astype(np.float32)
    at_rate = Resampler(rate, files.RATE)
    pieces = np.split(sound, np.sort(rng.integers(0, len(sound), 40)))
    found = np.concatenate([*map(at_rate.push, pieces), at_rate.finish()])
    taken_for = 44_100 if rate == 44_101 else rate
    whole = resample(torch.from_numpy(sound), taken_for, files.RATE).numpy()
    np.testing.assert_allclose(found, whole, atol=2e-6)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_next_to_nothing_becomes_next_to_nothing(count: int) -> None:
    at_rate = Resampler(48_000, files.RATE)
    assert len(at_rate.push(np.ones(count, np.float32))) == 0
    assert len(at_rate.finish()) == -(-count // 3)


def test_a_file_longer_than_may_be_is_refused_by_what_it_turns_out_to_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_AUDIO_MINUTES", "1")
    whole = bytearray(drawn_out(2, 8_000, np.ones(1)))
    whole[21:26] = (int.from_bytes(whole[21:26], "big") >> 36 << 36 | 8_000).to_bytes(5, "big")  # it says a second
    (tmp_path / "a.flac").write_bytes(whole)
    assert len(files.read(tmp_path / "a.flac").samples) <= 60 * files.RATE
    (tmp_path / "b.flac").write_bytes(drawn_out(2, 8_000, np.ones(1)))
    with pytest.raises(files.UnreadableAudio, match="promises 2 minutes of sound, accepted here: 1 minutes"):
        files.read(tmp_path / "b.flac")


LOOKED_AT = """
import sys
from pathlib import Path
from engines.speech.audio import files
from tests.hostile.trial import _memory_from_now, _most_memory
files.Resampler(48_000, files.RATE)  # imports torch
idle = _memory_from_now()
sound = files.read(Path(sys.argv[1]))
print(len(sound.samples), _most_memory() - idle)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")
def test_minutes_at_a_high_rate_take_the_memory_of_what_is_kept(tmp_path: Path) -> None:
    """Six minutes at 96 kHz are 132 MiB, at 16 kHz 22: decoded whole and resampled it was four times the former."""
    (tmp_path / "a.flac").write_bytes(drawn_out(6, 96_000, 9_000 * np.sin(np.arange(960) / 7)))
    command = [sys.executable, "-c", LOOKED_AT, str(tmp_path / "a.flac")]
    answer = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    count, megabytes = answer.stdout.split()
    assert int(count) == 360 * files.RATE
    assert float(megabytes) < 110, megabytes


def test_whoever_no_longer_waits_stops_it_in_the_middle_of_a_file(tmp_path: Path) -> None:
    """Files are looked at in threads, which know who asked."""
    from engines import cancellation
    from engines.speech.audio import decode_cache

    (tmp_path / "a.flac").write_bytes(drawn_out(5, 48_000, np.zeros(1)))

    def gone() -> None:
        raise InputError

    with cancellation.watched(gone), pytest.raises(InputError):
        decode_cache.check_all([tmp_path / "a.flac"], tmp_path / "work")
    assert check_cache.read(tmp_path / "work" / "speech.json").get("files", {}) == {}
