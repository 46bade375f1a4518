"""What `check` refuses, `fit` refuses with the same sentence, and the other way round: both open the data alike."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engines import registry
from engines.contract import InputError, Recipe
from engines.runs import RunFolder
from tests.tiny_speech import tone, write_models

WORDS = (
    "a red kite",
    "put the kettle on",
    "three grey geese",
    "the lamp is broken",
    "we walked home",
    "cold rain fell",
)
VOICES = ("ann", "bob")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))


def table(data: Path, heading: str, rows: list[str], name: str = "metadata.csv") -> None:
    data.mkdir(parents=True, exist_ok=True)
    (data / name).write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")


def sounds(data: Path, n: int = 6) -> None:
    data.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        soundfile.write(data / f"{i}.wav", tone(1.0, loud=0.2 + 0.02 * i), 16_000)


def transcribed(data: Path, n: int = 6, **cells: str) -> None:
    """Clips with a table of file, text and speaker; `cells` are columns with the same cell in each row."""
    sounds(data, n)
    heading = ",".join(["file", "text", "speaker", *cells])
    rows = [",".join([f"{i}.wav", WORDS[i], VOICES[i % 2], *cells.values()]) for i in range(n)]
    table(data, heading, rows)


def empty(data: Path) -> None:
    data.mkdir()


def silent(data: Path) -> None:
    transcribed(data)
    for path in data.glob("*.wav"):
        soundfile.write(path, np.zeros(16_000), 16_000)


def of_a_foreign_format(data: Path) -> None:
    transcribed(data)
    for path in data.glob("*.wav"):
        path.write_bytes(b"\0\0\0 ftypM4A " + bytes(100))


def without_words(data: Path) -> None:
    sounds(data)
    table(data, "file,text", [f"{i}.wav,..." for i in range(6)])


def alike(data: Path) -> None:
    """One sentence: nothing is left to test on."""
    sounds(data)
    table(data, "file,text,speaker", [f"{i}.wav,A red kite!,{VOICES[i % 2]}" for i in range(6)])


def leaking(data: Path) -> None:
    """All of the training sentences are in the test too."""
    sounds(data)
    rows = [f"{i}.wav,{WORDS[0]},{VOICES[i % 2]},{'test' if i > 3 else 'train'}" for i in range(6)]
    table(data, "file,text,speaker,split", rows)
    for i in range(4):
        shutil.copyfile(data / "5.wav", data / f"{i}.wav")


def one_clip_each(data: Path) -> None:
    sounds(data)
    table(data, "file,text,speaker", [f"{i}.wav,{words},voice {i}" for i, words in enumerate(WORDS)])


def segmented(data: Path) -> None:
    sounds(data)
    for name in ("wav.scp", "text", "utt2spk", "segments"):
        (data / name).write_text("0 0.wav\n")


def unclear(data: Path) -> None:
    """Two columns that may be what is said, and two that may be who speaks."""
    sounds(data)
    rows = [f"{i}.wav,{words},boats go by {i},{i % 2},{i // 3}" for i, words in enumerate(WORDS)]
    table(data, "file,one,other,third,fourth", rows)


BAD = {
    "empty": empty,
    "silent": silent,
    "foreign format": of_a_foreign_format,
    "too few": lambda data: transcribed(data, 3),
    "no table": sounds,
    "no words": without_words,
    "all alike": alike,
    "leaking": leaking,
    "test only": lambda data: transcribed(data, split="test"),
    "one clip each": one_clip_each,
    "segments": segmented,
    "unclear": unclear,
}
FINE = {("speech.speaker", "all alike"), ("speech.transcription", "one clip each")}
"""What one of the two tasks has no quarrel with."""


def refused(task: str, data: Path, run: Path, test: Path | None = None, **settings: Any) -> list[str | None]:
    """What check says, and what fit says; None where it takes the data."""
    known = registry.task(task)
    said: list[str | None] = []
    model = "tiny-whisper" if task == "speech.transcription" else known.info.default_model
    recipe = Recipe(task, str(data), model, known.info.usual, test=str(test) if test else None, settings=settings)
    for ask in (
        lambda: known.check(data, test=test, settings=known.settings(**settings)),
        lambda: known.open(recipe, RunFolder.create(recipe, run)),
    ):
        try:
            ask()
            said.append(None)
        except InputError as error:
            said.append(str(error))
    return said


@pytest.mark.parametrize("task", ["speech.transcription", "speech.speaker"])
@pytest.mark.parametrize("bad", BAD)
def test_bad_data(task: str, bad: str, tmp_path: Path) -> None:
    BAD[bad](tmp_path / "data")
    checked, fitted = refused(task, tmp_path / "data", tmp_path / "run")
    assert checked == fitted
    assert (checked is None) == ((task, bad) in FINE)


@pytest.mark.parametrize("task", ["speech.transcription", "speech.speaker"])
@pytest.mark.parametrize(
    "settings", [{"file_column": "clip"}, {"speaker_column": "clip"}, {"layout": "librispeech"}, {"layout": "kaldi"}]
)
def test_settings_that_the_data_lack(task: str, settings: dict[str, str], tmp_path: Path) -> None:
    transcribed(tmp_path / "data")
    checked, fitted = refused(task, tmp_path / "data", tmp_path / "run", **settings)
    assert checked == fitted
    assert (checked or "").startswith(f"setting {next(iter(settings))}: ")


def test_test_data_of_a_new_speaker(tmp_path: Path) -> None:
    transcribed(tmp_path / "data")
    sounds(tmp_path / "new", 2)
    table(tmp_path / "new", "file,text,speaker", ["0.wav,rain,ann", "1.wav,snow,cid"])
    checked, fitted = refused("speech.speaker", tmp_path / "data", tmp_path / "run", tmp_path / "new")
    assert checked == fitted == "test data new: speaker 'cid' is not in the training data; accepted: ann, bob."


def test_leaks_are_left_out_alike_with_an_own_split_and_with_test_data(tmp_path: Path) -> None:
    transcribed(tmp_path / "data")
    rows = [f"{i}.wav,{w},{VOICES[i % 2]},{'test' if i == 5 else 'train'}" for i, w in enumerate(WORDS)]
    rows[0] = f"0.wav,{WORDS[5].upper()}!,ann,train"
    table(tmp_path / "data", "file,text,speaker,split", rows)
    task = registry.task("speech.transcription")
    own = task.check(tmp_path / "data")
    sounds(tmp_path / "new", 1)
    table(tmp_path / "new", "file,text,speaker", [f"0.wav,{WORDS[5]},bob"])
    given = task.check(tmp_path / "data", test=tmp_path / "new")
    for report in (own, given):
        assert report.splits["test"] == 1
        assert report.n_examples == 5
        assert "1 clips say what the test data say: left out of training." in report.notes
        told = "of speakers who are learnt from too: the result is about these voices, not about new ones."
        assert f"1 of 1 test clips are {told}" in report.notes


def test_a_copy_of_a_test_clip_is_not_learnt_from(tmp_path: Path) -> None:
    transcribed(tmp_path / "data")
    shutil.copyfile(tmp_path / "data" / "5.wav", tmp_path / "data" / "1.wav")
    rows = [f"{i}.wav,{VOICES[i % 2]},{'test' if i > 3 else 'train'}" for i in range(6)]
    sounds_of_bob = [f"{i}.wav,bob,train" for i in (6, 7)]
    for i in (6, 7):
        soundfile.write(tmp_path / "data" / f"{i}.wav", tone(1.0, loud=0.3 + 0.02 * i), 16_000)
    table(tmp_path / "data", "file,speaker,split", [*rows, *sounds_of_bob, "8.wav,cid,train"])
    soundfile.write(tmp_path / "data" / "8.wav", tone(1.2), 16_000)
    report = registry.task("speech.speaker").check(tmp_path / "data")
    assert "1 clips are in the test data too: left out of training." in report.notes
    assert "'cid': one clip only. It trains; how well it is recognised cannot be tested." in report.notes
    assert report.classes == {"ann": 3, "bob": 4, "cid": 1}
