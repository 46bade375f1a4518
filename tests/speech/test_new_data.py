"""New recordings for a trained model, named in a table: each answer says in which of its columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.contract import Predictor
from engines.speech.audio.recordings import Reading
from engines.speech.speaker.predict import Identifier
from engines.speech.transcription.predict import Transcriber
from tests.tiny_speech import tone


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two columns that name the same number of sounds."""
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    for number in range(4):
        soundfile.write(tmp_path / "data" / f"{number}.wav", tone(1.0), 16_000)
    (tmp_path / "data" / "new.csv").write_text("which,also\n0.wav,1.wav\n2.wav,3.wav\n", encoding="utf-8")
    return tmp_path / "data" / "new.csv"


def identifier(reading: Reading) -> Predictor:
    """Hears the same voice in everything."""
    found = Identifier.__new__(Identifier)
    found.reading, found.classes, found.centres, found.threshold = reading, ["ann", "bob"], {}, None
    found.ask = lambda sound: (np.array([0.9, 0.1]), sound[:2])  # type: ignore[method-assign]
    return found


def transcriber(reading: Reading) -> Predictor:
    """Hears the same words in everything; the model it came from is gone."""
    found = Transcriber.__new__(Transcriber)
    found.reading, found.recogniser, found.base = reading, None, None  # type: ignore[assignment]
    found.heard = lambda *_: "a word"  # type: ignore[method-assign]
    return found


@pytest.mark.parametrize("make", [identifier, transcriber])
def test_an_answer_names_the_column_that_named_its_sound(make: Callable[[Reading], Predictor], table: Path) -> None:
    rows = make(Reading(file_column="also")).predict(table)
    assert [(row["file"], row["column"]) for row in rows] == [("1.wav", "also"), ("3.wav", "also")]
    guessed = make(Reading()).predict(table)
    assert [(row["file"], row["column"]) for row in guessed] == [("0.wav", "which"), ("2.wav", "which")]
    assert all("column" not in row for row in make(Reading()).predict(table.parent)), "a folder names them itself"
