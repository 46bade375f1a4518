"""Data in the shape of what people reported, each read as it was meant, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines.contract import DataReport
from engines.speech.settings import TranscriptionSettings
from engines.speech.speaker.task import Speaker
from engines.speech.transcription.task import Transcription

CASES = Path(__file__).parents[1] / "cases"


def checked(name: str, **settings: Any) -> DataReport:
    return Transcription().check(CASES / f"speech-{name}.zip", settings=TranscriptionSettings(**settings))


def read_as(report: DataReport) -> dict[str, str]:
    return {guess.what: guess.value for guess in report.read_as}


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("table-in-train-and-test-folders", {"train": 5, "validation": 1, "test": 4}),
        ("common-voice-train-dev-test", {"train": 5, "validation": 4, "test": 3}),
        ("split-folders-one-level-down", {"train": 6, "validation": 1, "test": 3}),
    ],
)
def test_parts_by_names_of_tables_and_folders(name: str, splits: dict[str, int]) -> None:
    report = checked(name)
    assert report.splits == splits
    assert report.skipped == []
    assert read_as(report)["parts"] == "parts"
    drawn = checked(name, parts="classes")
    assert (drawn.n_examples, read_as(drawn)["parts"]) == (report.n_examples, "classes")
    assert drawn.splits != splits


def test_a_table_in_each_speakers_folder() -> None:
    report = checked("table-in-each-speakers-folder")
    assert report.n_examples == 10
    assert report.details["speakers"] == {"anna": 5, "bert": 5}
    assert read_as(report)["speakers"] == "the folders"
    voices = Speaker().check(CASES / "speech-table-in-each-speakers-folder.zip")
    assert voices.classes == {"anna": 5, "bert": 5}


def test_an_own_split_that_shares_sentences() -> None:
    report = checked("own-split-shares-sentences")
    assert "3 clips say what the test data say: left out of training." in report.notes
    assert report.splits == {"train": 3, "validation": 1, "test": 3}


def test_formats_that_are_not_read_are_named() -> None:
    report = checked("m4a-and-webm-in-the-table")
    assert report.n_examples == 5
    assert {entry.where: entry.reason for entry in report.skipped} == {
        "m5.m4a": "is an M4A or MP4 file, which is not read here: convert it to WAV, such as with ffmpeg -i sound.m4a "
        "sound.wav",
        "w6.webm": "is a WebM or Matroska file, which is not read here: convert it to WAV, such as with ffmpeg -i "
        "sound.webm sound.wav",
    }
    assert sum("One file is a" in note for note in report.notes) == 2


def test_channels_that_cancel_each_other() -> None:
    report = checked("opposite-phase-stereo")
    assert (report.n_examples, report.skipped) == (6, [])
    told = "recorded in opposite phase, so that its channels cancel each other: the loudest of them is used."
    assert f"1 clip is {told} opposite.mp3." in report.notes


def test_names_without_ending() -> None:
    report = checked("names-without-extension")
    assert (report.n_examples, report.skipped) == (6, [])
    assert "metadata.csv names 6 files without their ending, or with another one." in report.notes


def test_a_manifest_of_nemo() -> None:
    report = checked("nemo-manifest")
    assert (report.n_examples, report.skipped) == (6, [])
    assert read_as(report) == {"layout": "table", "files": "audio_filepath", "transcripts": "text", "speakers": ""}
