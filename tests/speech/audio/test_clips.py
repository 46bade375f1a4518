"""What people bring: audiofolders with every kind of mistake in them."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.contract import InputError
from engines.data.class_names import clean
from engines.speech.audio import clips
from engines.speech.audio.clip import UNSTATED
from engines.speech.audio.clip_notes import script
from engines.speech.audio.clips import open_clips
from engines.speech.audio.recordings import Reading
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.prepare import split
from tests.tiny_speech import tone

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder of so many clips of a second each, with that table."""

    def make(table: str, n: int = 6, name: str = "metadata.csv", root: str = "data") -> Path:
        data = tmp_path / root
        data.mkdir()
        for number in range(n):
            soundfile.write(data / f"{number}.wav", tone(1.0, loud=0.2 + 0.01 * number), 16_000)
        if table:
            (data / name).write_text(table, encoding="utf-8")
        return data

    return make


def opened(data: Path, needs: str = "transcription", **options: object) -> clips.Clips:
    return open_clips(data, data.parent / "work", Reading(needs), **options)  # type: ignore[arg-type]


TABLE = "file_name,transcription\n" + "".join(f"{i}.wav,sentence number {i}\n" for i in range(6))


def test_an_audiofolder(folder: Folder) -> None:
    found = opened(folder(TABLE))
    assert [(clip.name, clip.text, clip.accent) for clip in found.clips[:2]] == [
        ("0.wav", "sentence number 0", UNSTATED),
        ("1.wav", "sentence number 1", UNSTATED),
    ]
    assert (len(found.clips), found.skipped) == (6, [])
    assert found.samples(found.clips[0]).shape == (16_000,)


def test_a_zip_is_the_same_data(folder: Folder, tmp_path: Path) -> None:
    data = folder(TABLE)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for path in sorted(data.iterdir()):
            archive.write(path, f"wrapped/{path.name}")
    assert opened(tmp_path / "mine.zip").sha256 == opened(data).sha256


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator_and_more_columns(folder: Folder, separator: str) -> None:
    rows = [["path", "sentence", "client_id", "accents", "age", "split"]]
    rows += [
        [f"{i}.wav", f"one, two {i}", f"s{i % 2}", "Welsh", "forties", "test" if i > 4 else "train"] for i in range(6)
    ]
    quoted = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    found = opened(folder(quoted, name="train.tsv"))
    first = found.clips[0]
    assert (first.text, first.speaker, first.accent, first.source.split) == ("one, two 0", "s0", "Welsh", "train")
    assert found.clips[5].source.split == "test"
    assert any("age" in note for note in found.notes)


def test_rows_without_a_file_files_without_a_row_and_empty_transcripts_are_named(folder: Folder) -> None:
    table = TABLE.replace("5.wav,", "gone.wav,").replace("sentence number 4", " ... ") + "0.wav,again\n"
    found = opened(folder(table, n=7))
    assert len(found.clips) == 4
    reasons = {entry.where: entry.reason for entry in found.skipped}
    assert reasons["metadata.csv, line 7"] == "names 'gone.wav', which is not there"
    assert (
        reasons["metadata.csv, line 8"]
        == "names 0.wav, as metadata.csv, line 2 did, but with something else said of it"
    )
    assert any(note.startswith("1 row of metadata.csv names a sound again") for note in found.notes)
    assert reasons["4.wav"] == "has an empty transcript"
    assert reasons["5.wav"] == reasons["6.wav"] == "is not in metadata.csv"


def test_good_clips_survive_bad_ones(folder: Folder) -> None:
    data = folder(TABLE)
    (data / "0.wav").write_text("no sound")
    soundfile.write(data / "1.wav", np.zeros(16_000), 16_000)
    found = opened(data)
    assert [clip.name for clip in found.clips] == ["2.wav", "3.wav", "4.wav", "5.wav"]
    assert {s.where: s.reason for s in found.skipped} == {
        "0.wav": "is no sound file, or a damaged one",
        "1.wav": "is silent",
    }


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "6 sound files, but no metadata.csv in it"),
        ("file_name,mood\n0.wav,glad\n", "its columns are 'file_name', 'mood'"),
        ("name,words,mood\n0.wav,,glad\n", "no clip in it can be used (6 skipped; the first: "),
    ],
)
def test_what_cannot_be_learnt_from(folder: Folder, table: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        opened(folder(table))
    assert says in str(caught.value)
    assert "transcription" in str(caught.value)


def test_too_few_and_nothing(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 usable clips to learn from"):
        opened(folder(TABLE.split("3.wav")[0], n=3))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no sound file in it"):
        opened(tmp_path / "empty")
    (tmp_path / "text.txt").write_text("hello")
    with pytest.raises(InputError):
        opened(tmp_path / "text.txt")
    shutil.copyfile(tmp_path / "data" / "0.wav", tmp_path / "alone.wav")
    with pytest.raises(InputError, match=r"alone\.wav: this is a single sound file"):
        opened(tmp_path / "alone.wav")


def test_the_accent_of_an_upload(folder: Folder) -> None:
    data = folder(TABLE.replace("file_name,transcription", "file_name,transcription"))
    assert {clip.accent for clip in opened(data, accent="Glasgow ").clips} == {"Glasgow"}


def test_a_long_clip_is_split_with_a_notice(folder: Folder) -> None:
    data = folder(TABLE)
    syllables = [np.concatenate([tone(4.0)[:, 0], np.zeros(16_000, np.float32)]) for _ in range(16)]
    soundfile.write(data / "0.wav", np.concatenate(syllables), 16_000)
    found = opened(data)
    parts = [clip for clip in found.clips if clip.source.name == "0.wav"]
    assert len(parts) >= 3
    assert [clip.name for clip in parts[:2]] == ["0.wav, part 1", "0.wav, part 2"]
    assert all(clip.seconds <= 28 for clip in parts)
    assert any("longer than 30 s, split in the pauses: 0.wav (1.3 min)" in note for note in found.notes)


def test_what_is_odd_is_said(folder: Folder) -> None:
    table = TABLE.replace("sentence number 5", "предложение номер пять").replace("number 4", " ".join("abcdefghijk"))
    data = folder(table)
    soundfile.write(data / "0.wav", np.clip(tone(1.0, loud=5.0), -1, 1), 16_000)
    soundfile.write(data / "1.wav", tone(1.0, rate=8_000), 8_000)
    shutil.copyfile(data / "2.wav", data / "3.wav")
    notes = " ".join(opened(data).notes)
    assert "1 clip is clipped: recorded too loud, which cannot be mended. 0.wav." in notes
    assert "recorded with 8 kHz" in notes
    assert "another script (Cyrillic) than the others (Latin). 5.wav." in notes
    assert "too short for the words in the transcript. 4.wav." in notes
    assert "Exact copies of another clip: 1 of the clips" in notes


def test_transcripts_in_capital_letters(folder: Folder) -> None:
    """As LibriSpeech has them."""
    told = "The transcripts are in capital letters: a Whisper learns to write so. Case counts as no error."
    assert told not in opened(folder(TABLE)).notes
    assert told in opened(folder(TABLE.replace("sentence number", "SENTENCE NO"), root="capitals")).notes


def test_sampling_rates_that_differ(folder: Folder) -> None:
    data = folder(TABLE)
    soundfile.write(data / "0.wav", tone(1.0, rate=8_000), 8_000)
    soundfile.write(data / "1.wav", tone(1.0, rate=11_025), 11_025)
    assert "2 clips are recorded with 8 to 11.025 kHz: hissing sounds above are lost." in opened(data).notes


@pytest.mark.parametrize(
    ("text", "name"), [("hello", "Latin"), ("привет you", "Cyrillic"), ("你好", "CJK"), ("12 !", "")]
)
def test_script(text: str, name: str) -> None:
    assert script(text) == name


def test_clips_that_say_the_same_stay_on_one_side(folder: Folder) -> None:
    table = "file_name,transcription\n" + "".join(f"{i}.wav,Sentence {i % 4}!\n" for i in range(16))
    found = opened(folder(table, n=16))
    for seed in range(5):
        parts = split(found.clips, TranscriptionSettings(), seed=seed)
        sides = {
            text: {p for c, p in zip(found.clips, parts, strict=True) if c.text == text}
            for text in {c.text for c in found.clips}
        }
        assert all(len(own) == 1 for own in sides.values())
        assert set(parts) == {"train", "validation", "test"}


# --- speakers -------------------------------------------------------------------------------------


def test_a_folder_a_speaker(folder: Folder) -> None:
    data = folder("", n=6)
    for number in range(6):
        target = data / ("ann" if number % 2 else "bob") / f"{number}.wav"
        target.parent.mkdir(exist_ok=True)
        (data / f"{number}.wav").rename(target)
    found = opened(data, "speaker")
    assert {(clip.name, clip.speaker) for clip in found.clips} >= {("ann/1.wav", "ann"), ("bob/0.wav", "bob")}


def test_one_speaker_is_not_enough(folder: Folder) -> None:
    table = "file_name,speaker\n" + "".join(f"{i}.wav,ann\n" for i in range(6))
    with pytest.raises(InputError, match="1 speaker with 6 clips"):
        opened(folder(table), "speaker")


def test_new_clips_need_no_table(folder: Folder, tmp_path: Path) -> None:
    data = folder("", n=2)
    (data / "bad.wav").write_text("no sound")
    (data / "picture.png").write_bytes(b"x")
    files, skipped = clips.open_unlabelled(data, tmp_path / "work", Reading())
    assert [parts[0].name for parts in files] == ["0.wav", "1.wav"]
    assert {s.where for s in skipped} == {"bad.wav", "picture.png"}
    with pytest.raises(InputError, match=r"bad\.wav: the file is no sound file"):
        clips.open_unlabelled(data / "bad.wav", tmp_path / "work", Reading())


def test_names_are_found_whatever_the_case_and_the_folder(folder: Folder) -> None:
    table = TABLE.replace("0.wav", "clips/0.WAV").replace("1.wav", ".\\1.wav")
    assert len(opened(folder(table)).clips) == 6
    assert clean(" a\t b\x00 ") == "a b"
