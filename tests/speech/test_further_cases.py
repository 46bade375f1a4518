"""Speech as Label Studio and Common Voice have it, and clips of several speakers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.contract import DataReport
from engines.speech.settings import SpeakerSettings, TranscriptionSettings
from engines.speech.speaker.task import Speaker
from engines.speech.transcription.task import Transcription

VOICES = ("anna", "bert", "cleo")


def clip(path: Path, n: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = np.arange(16_000) / 16_000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (150 + 20 * n) * seconds), 16_000)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for n in range(12):
        clip(tmp_path / "data" / f"c{n}.wav", n)
    return tmp_path / "data"


def heard(data: Path) -> DataReport:
    return Transcription().check(data, settings=TranscriptionSettings())


def told_apart(data: Path) -> DataReport:
    return Speaker().check(data, settings=SpeakerSettings())


def test_a_project_of_label_studio(clips: Path) -> None:
    tasks = [
        {
            "data": {"audio": f"/data/upload/1/{n:08x}-c{n}.wav"},
            "annotations": [{"result": [{"from_name": "transcription", "value": {"text": [f"sentence number {n}"]}}]}],
        }
        for n in range(12)
    ]
    (clips / "project.json").write_text(json.dumps(tasks))
    report = heard(clips)
    assert (report.n_examples, report.skipped) == (12, [])


def test_quotation_marks_in_transcripts(clips: Path) -> None:
    """common-voice/common-voice issues 1902 and 5189."""
    said = ['"he said go', "a dog ran", '"quoted" start']
    rows = [f"{VOICES[n % 3]}\tc{n}.wav\t{said[n % 3]} {n}" for n in range(11)] + ['anna\tc11.wav\t""']
    (clips / "train.tsv").write_text("client_id\tpath\tsentence\n" + "\n".join(rows) + "\n")
    report = heard(clips)
    assert report.n_examples == 11
    assert [(entry.where, entry.reason) for entry in report.skipped] == [("c11.wav", "has an empty transcript")]


def test_a_clip_of_several_speakers_is_said(clips: Path) -> None:
    names = [f"{VOICES[n % 3]};{VOICES[(n + 1) % 3]}" if n % 4 == 0 else VOICES[n % 3] for n in range(12)]
    rows = "".join(f"c{n}.wav,{name}\n" for n, name in enumerate(names))
    (clips / "metadata.csv").write_text("file_name,speaker\n" + rows)
    assert any("3 of 12 clips have a speaker such as 'anna;bert'" in note for note in told_apart(clips).notes)


def test_a_clip_that_a_table_names_twice_with_another_speaker_is_said(clips: Path) -> None:
    rows = "".join(f"c{n}.wav,{VOICES[n % 3]}\n" for n in range(12))
    (clips / "metadata.csv").write_text(f"file_name,speaker\n{rows}c0.wav,bert\nc1.wav,bert\n")
    report = told_apart(clips)
    assert any(note.startswith("1 row of metadata.csv names a sound again") for note in report.notes)
    assert [entry.reason.partition(" did")[2] for entry in report.skipped] == [
        ", but with something else said of it",
        "",
    ]


def test_one_clip_in_two_speakers_folders_is_said(tmp_path: Path) -> None:
    for n in range(12):
        clip(tmp_path / "data" / VOICES[n % 3] / f"c{n}.wav", n)
    clip(tmp_path / "data" / "bert" / "same.wav", 0)
    assert any(
        "1 clip stands under several speakers at once, such as anna/c0.wav ('anna') = bert/same.wav ('bert')" in note
        for note in told_apart(tmp_path / "data").notes
    )
