"""The speech page on runs of tiny networks: clips and transcripts, accents before and after, voices, recordings."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
import soundfile

from engines import paths, runs
from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.jobs.serving import client
from engines.runs import RunFolder
from engines.speech import samples
from tests import tiny_speech
from tests.pages.opening import opened, press, shown, text
from ui.page import uploads
from ui.speech import data as speech_step
from ui.speech import transcription_result, transcripts, try_it

SPEECH = "pages/speech.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run of each task, trained for a few epochs on clips that come with Headstart."""
    folder = tmp_path_factory.mktemp("speech")
    clips, voices = tiny_speech.write_clips(folder / "clips", 12), tiny_speech.write_voices(folder / "voices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder / "models"))
        patch.setenv("HEADSTART_HOME", str(folder / "home"))
        tiny_speech.write_models(folder / "models")
        for name, recipe in {
            "clips": Recipe(
                "speech.transcription",
                str(clips),
                "tiny-whisper",
                Strategy.PARTIAL,
                settings={"epochs": 2, "learning_rate": 1e-2, "curve": 1, "rehearse": False},
            ),
            "voices": Recipe("speech.speaker", str(voices), "ge2e", Strategy.FEATURES, settings={"epochs": 3}),
        }.items():
            run = RunFolder.create(recipe, folder / f"run-{name}")
            assert worker.execute(run) == worker.DONE, run.state
    return {name: folder / f"run-{name}" for name in ("clips", "voices")}


def placed(folder: Path) -> RunFolder:
    """The same run where this test's pages look for it."""
    target = paths.runs() / runs.new_id()
    shutil.copytree(folder, target)
    return RunFolder(target)


def test_the_result_of_a_transcription(trained: dict[str, Path]) -> None:
    at = opened(SPEECH, run=placed(trained["clips"]).id)
    page = text(at)
    for heading in ("By accent", "What it cost the accent it came with", "Clip by clip", "Words it misses"):
        assert f"**{heading}**" in page
    assert "the model as it came" in page.lower()
    assert "Scottish: " in page
    assert "Words are compared without case and punctuation." in page
    assert len(at.select_slider) == 1
    assert shown(at, "audio") >= 3
    assert "line-through" in page, "words that were left out are struck through"
    assert at.get("audio_input")
    assert "WhisperForConditionalGeneration.from_pretrained" in at.code[0].value


def test_the_first_clips_are_typical_ones() -> None:
    rows = [{"file": str(n), "errors_after": n, "words": 10} for n in (9, 0, 3, 4, 1)]
    assert [row["file"] for row in transcription_result.typical(rows)] == ["3", "4", "1", "0", "9"]
    rows.append({"file": "silence", "errors_after": 0, "words": 0})
    assert transcription_result.typical(rows)[-1]["file"] == "9"
    assert transcription_result.typical([]) == []


def test_the_slider_walks_along_the_curve(trained: dict[str, Path]) -> None:
    at = opened(SPEECH, run=placed(trained["clips"]).id)
    result = json.loads((trained["clips"] / "result.json").read_text(encoding="utf-8"))
    first = result["details"]["curve"][0]["wer"]["value"]
    at.select_slider[0].set_value(0.0)
    at.run()
    assert not at.exception
    assert f"{100 * first:.1f} %" in [metric.value for metric in at.metric]


def test_the_result_of_voices(trained: dict[str, Path]) -> None:
    at = opened(SPEECH, run=placed(trained["voices"]).id)
    page = text(at)
    for heading in ("Who was taken for whom", "Where the voices lie", "Is it the same voice?", "Enrol a new voice"):
        assert f"**{heading}**" in page
    assert any("equal error rate" in metric.label for metric in at.metric)


@pytest.mark.parametrize("task", ["speech.transcription", "speech.speaker"])
def test_data_step_of_each_task(task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path / "showcase")
    at = opened(SPEECH, task=task, step="data")
    assert "Use this sample" in text(at)
    assert bool(at.get("audio_input")) == (task == "speech.transcription")
    press(at, "Use this sample")
    page = text(at)
    assert "clips" in page
    assert shown(at, "audio") == speech_step.A_PAGE
    assert len(at.text_area) == (speech_step.A_PAGE if task == "speech.transcription" else 0)
    client.stop()


def test_a_transcript_is_put_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path / "showcase")
    data = tiny_speech.write_clips(tmp_path / "mine", 6)
    files = [uploads.Made(path.name, path.read_bytes()) for path in sorted(data.iterdir())]
    at = opened(SPEECH, data=uploads.keep(files), step="data")
    box = at.text_area[0]
    box.set_value("Something else entirely.")
    at.run()
    assert not at.exception
    assert at.text_area[0].value == "Something else entirely."
    assert "transcripts" in str(at.query_params)
    client.stop()


def test_recordings_make_an_audiofolder(tmp_path: Path) -> None:
    sound = io.BytesIO()
    soundfile.write(sound, tiny_speech.tone(1.0), 16_000, format="WAV")
    files = speech_step.recordings(dict.fromkeys((0, 2, 5), sound.getvalue()), samples.to_read())
    assert [file.name for file in files] == ["sentence-01.wav", "sentence-03.wav", "sentence-06.wav", "metadata.csv"]
    for file in files:
        (tmp_path / file.name).write_bytes(file.getvalue())
    from engines.speech.audio.clips import open_clips
    from engines.speech.audio.recordings import Reading

    found = open_clips(tmp_path, tmp_path / "work", Reading(), to_train=False)
    assert [clip.text for clip in found.clips] == [samples.to_read()[i] for i in (0, 2, 5)]


def test_an_aligned_transcript_shows_each_kind_of_error_and_escapes() -> None:
    html = transcripts.line(
        [("equal", "a", "a"), ("substitute", "dog", "<b>"), ("delete", "ran", ""), ("insert", "", "oh")],
        "after",
        "#123",
    )
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert html.count("line-through") == 1
    assert html.count("dashed") == 1
    assert "said: dog" in html


def test_cosine() -> None:
    assert try_it.cosine([1.0, 0.0], [0.6, 0.8]) == 0.6
