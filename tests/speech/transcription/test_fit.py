"""Runs of a tiny recogniser: what they keep, mix and say, beyond what every task promises."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from engines.contract import InputError, Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.speech import samples
from engines.speech.models import catalogue
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription import fit, prepare, train
from engines.speech.transcription.task import Transcription
from engines.speech.transcription.train import freeze
from engines.speech.transcription.weight_mixing import SHARES, mix
from engines.training import devices
from tests.tiny_speech import tone, write_clips, write_ctc, write_whisper

pytestmark = pytest.mark.usefixtures("one_thread")
QUICK = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "forgetting": False, "rehearse": False}


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    write_whisper(folder / "tiny-whisper")
    monkeypatch.setenv("HEADSTART_MODELS", str(folder))
    monkeypatch.setenv("HEADSTART_EXTRA_TASKS", "speech.transcription=engines.speech.transcription.task:Transcription")
    return folder


def recipe(data: Path, strategy: Strategy = Strategy.PARTIAL, model: str = "tiny-whisper", **settings: Any) -> Recipe:
    return Recipe("speech.transcription", str(data), model, strategy, settings={**QUICK, **settings})


def fitted(path: Path, recipe: Recipe) -> RunFolder:
    run = RunFolder.create(recipe, path)
    assert worker.execute(run) == worker.DONE, run.state
    return run


def begun(data: Path, path: Path, strategy: Strategy, **settings: Any) -> train.TrainSpec:
    own = recipe(data, strategy, **settings)
    card, parsed, run = catalogue.describe(own.model), TranscriptionSettings.parse(own.settings), RunFolder(path)
    run.create(own, path)
    return train.begin(card, strategy, parsed, seed=own.seed, run=run, on=devices.start(parsed, run, strategy))


def test_what_each_strategy_trains(tmp_path: Path) -> None:
    data = write_clips(tmp_path / "data", 8)
    card = catalogue.describe("tiny-whisper")
    for strategy, blocks in ((Strategy.FEATURES, 1), (Strategy.PARTIAL, 1), (Strategy.PARTIAL, 3), (Strategy.FULL, 1)):
        taught = begun(data, tmp_path / f"{strategy}{blocks}", strategy, blocks=blocks)
        freeze(taught)
        learning = taught.recogniser.network.trainable()
        assert sum(p.numel() for p in learning.values()) == card.trainable(strategy, blocks, 0)
        assert not any("embed" in name for name in learning)
        assert any("decoder" in name for name in learning) == (strategy is not Strategy.PARTIAL)
    taught = begun(data, tmp_path / "decoder", Strategy.PARTIAL, decoder=True)
    freeze(taught)
    assert any("decoder" in name for name in taught.recogniser.network.trainable())
    taught = begun(data, tmp_path / "lora", Strategy.LORA, lora_rank=2)
    freeze(taught)
    assert all("lora_" in name for name in taught.recogniser.network.trainable())
    taught = begun(data, tmp_path / "none", Strategy.ZERO_SHOT)
    freeze(taught)
    assert taught.recogniser.network.trainable() == {}


def test_mixing_goes_straight_from_before_to_after(tmp_path: Path) -> None:
    taught = begun(write_clips(tmp_path / "data", 8), tmp_path / "run", Strategy.PARTIAL)
    model = taught.recogniser.network.model
    name, was = next(iter(model.state_dict().items()))
    adapted = train.TrainOutcome(None, 0, 0.0, {name: was.clone()}, {name: was + 4})  # type: ignore[arg-type]
    for share in (0.25, 1.0, 0.0):
        mix(taught, adapted, share)
        torch.testing.assert_close(model.state_dict()[name], adapted.before[name] + 4 * share)


def test_a_run_and_what_it_keeps(tmp_path: Path) -> None:
    run = fitted(tmp_path / "run", recipe(write_clips(tmp_path / "data", 12), forgetting=True, curve=1))
    result = run.result
    assert result is not None
    details = result.details
    assert details["mix"]["share"] in SHARES
    assert {point["share"] for point in details["curve"]} >= {0.0, 0.5, 1.0}
    assert [row["accent"] for row in details["forgetting"]] == ["American prompts, real", "LibriVox, real", "all"]
    assert [row["n"] for row in details["forgetting"]] == [14, 5, 19]
    own = next(point for point in details["curve"] if point["share"] == details["mix"]["share"])
    assert own["wer"]["value"] == result.value
    assert details["accents"][0]["wer"]["before"]["value"] == result.baselines["zero_shot"]
    rows = pq.read_table(run.path / "predictions.parquet").to_pylist()
    assert sum(row["errors_after"] for row in rows) / sum(row["words"] for row in rows) == pytest.approx(result.value)
    for row in rows:
        assert soundfile.info(run.path / row["sound"]).samplerate == 16_000
        assert [s[1] for s in json.loads(row["aligned_before"]) if s[1]] == prepare.plain_words(row["label"]).split()
    assert result.verdict is not None
    assert result.verdict.against == "zero_shot"
    assert result.verdict.difference.value == pytest.approx(result.value - result.baselines["zero_shot"])


def test_what_the_frozen_part_heard_is_not_heard_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_clips(tmp_path / "data", 12)
    fitted(tmp_path / "first", recipe(data))
    monkeypatch.setattr(fit, "freeze", _freezing_then_deaf)
    again = fitted(tmp_path / "second", recipe(data, epochs=3))
    titles = [event.data["title"] for event in again.events() if event.kind == "phase"]
    assert sum("known from an earlier run" in title for title in titles) >= 4


def _freezing_then_deaf(taught: train.TrainSpec) -> dict[str, torch.Tensor]:
    """After freezing, what is below the boundary can no longer run."""
    came_with = freeze(taught)
    for stage in taught.recogniser.network.stages[: taught.recogniser.network.boundary]:
        object.__setattr__(stage, "run", lambda _: pytest.fail("a frozen stage ran again"))
    return came_with


def test_what_a_study_says_of_its_clips(tmp_path: Path) -> None:
    """Features of what a frozen encoder hears, and how test clips are to be drawn anew; further trials are possible."""
    data = write_clips(tmp_path / "data", 12)
    own = recipe(data)
    study = Transcription().open(own, RunFolder.create(own, tmp_path / "run"))
    items, n = study.items(), study.before()["zero_shot"].n
    assert items.weights.tolist() == [1.0] * n
    assert len(set(items.strata)) == len(set(items.groups)) == 1  # one accent, one voice
    features = study.features("test")
    assert features is not None
    assert (features.values.shape, features.values.dtype) == ((n, 16), np.float32)
    shallow = study.features("test", depth=1)
    assert shallow is not None
    assert not np.allclose(shallow.values, features.values)
    assert study.features("test", pretrained=False) is None
    first, again = study.trial(Strategy.PARTIAL), study.trial(Strategy.PARTIAL)
    assert first.state().keys() == again.state().keys()
    for name, learnt in first.state().items():
        torch.testing.assert_close(again.state()[name], learnt, rtol=0, atol=0)


def test_zero_shot_learns_nothing(tmp_path: Path) -> None:
    data = write_clips(tmp_path / "data", 8)
    run = fitted(
        tmp_path / "run",
        Recipe("speech.transcription", str(data), "tiny-whisper", Strategy.ZERO_SHOT, settings={"forgetting": False}),
    )
    result = run.result
    assert result is not None
    assert (result.value, result.verdict, result.epochs) == (result.baselines["zero_shot"], None, 0)


def test_errors_of_spelling_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model writes figures where the transcripts have words."""
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    data = write_clips(tmp_path / "data", 8)
    table = "".join(f"clip-{i:02d}.ogg,page three hundred and {name} is grey\n" for i, name in enumerate(names))
    (data / "metadata.csv").write_text(f"file_name,transcription\n{table}", encoding="utf-8")

    def heard(_spec: Any, chosen: prepare.Selection, _title: str) -> list[str]:
        return [f"Page {301 + names.index(text.split()[4])} was gray." for text in chosen.texts]

    monkeypatch.setattr(fit, "heard_before", heard)
    results = {}
    for normaliser in ("plain", "english"):
        own = recipe(data, Strategy.ZERO_SHOT, normaliser=normaliser)
        result = fitted(tmp_path / normaliser, own).result
        assert result is not None
        assert result.details["normaliser"] == normaliser
        results[normaliser] = result
    n = results["plain"].n_test
    assert results["plain"].value == 6 / 7  # four of the number, one of "is", one of "grey"
    assert results["english"].value == 1 / 4  # page 301 is gray, page 301 was gray
    (note,) = [note for note in results["plain"].notes if "spelt otherwise" in note]
    assert note.startswith(f"{5 * n} of the {6 * n} word errors are only spelt otherwise, as '306' is")
    assert results["english"].notes == []


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
def test_a_ctc_model_learns(kind: str, tmp_path: Path, models: Path) -> None:
    """On a checkpoint in the hub's own files: the loss falls, and what was saved hears what the run heard."""
    write_ctc(models / "someone" / kind, kind)
    settings = {"epochs": 4, "curve": 0, "views": 2, "augment": "both", "mix": 1.0}
    run = fitted(tmp_path / "run", recipe(write_clips(tmp_path / "data", 8), model=f"someone/{kind}", **settings))
    losses = [event.data["train_loss"] for event in run.events() if event.kind == "epoch"]
    assert losses[-1] < losses[0]
    task = Transcription()
    heard = task.load(run.path).predict(tmp_path / "data")
    rows = {row["file"]: row["predicted"] for row in pq.read_table(run.path / "predictions.parquet").to_pylist()}
    assert {row["file"]: row["label"] for row in heard if row["file"] in rows} == rows
    (explained, *_) = task.explain(run.path, tmp_path / "data", tmp_path / "pictures")
    assert explained["method"] == "Letter by letter"
    assert explained["label"] == "" or explained["faithfulness"]["heuristic"] == "loudness"
    with pytest.raises(InputError, match="its model is no Whisper"):
        task.export(run.path, "script", tmp_path / "script")


def test_long_clips_get_their_share_of_the_transcript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_clips(tmp_path / "data", 6)
    parts = [np.concatenate([tone(4.0)[:, 0], np.zeros(16_000, np.float32)]) for _ in range(9)]
    soundfile.write(data / "long.wav", np.concatenate(parts), 16_000)
    with (data / "metadata.csv").open("a", encoding="utf-8") as file:
        file.write("long.wav,One two three four. Five six seven eight.,ann,Welsh\n")
    written = ["One", "two", "three", "four.", "Five", "six", "seven", "eight."]
    spoken = ["won", "two", "free", "for", "five", "six", "seven", "ate"]

    def heard(_spec: Any, chosen: prepare.Selection, _title: str) -> list[str]:
        n = len(chosen)
        return [" ".join(spoken[i * 8 // n : (i + 1) * 8 // n]) for i in range(n)]

    monkeypatch.setattr(prepare, "heard_before", heard)
    taught = begun(data, tmp_path / "run", Strategy.PARTIAL)
    own = TranscriptionSettings.parse(QUICK)
    prepared = prepare.spelt(*prepare.prepare(recipe(data), own, taught.run), taught)
    texts = [text for clip, text in zip(prepared.clips, prepared.texts, strict=True) if clip.parts > 1]
    n = len(texts)
    assert n >= 2
    assert texts == [" ".join(written[i * 8 // n : (i + 1) * 8 // n]) for i in range(n)]


def test_transcripts_put_right(tmp_path: Path) -> None:
    data = write_clips(tmp_path / "data", 8)
    task, (first, second, *_) = Transcription(), sorted(path.name for path in data.glob("*.ogg"))
    edits = json.dumps({first: "something else", second: ""})
    report = task.check(data, settings=TranscriptionSettings(transcripts=edits), gallery=tmp_path / "gallery")
    assert report.n_examples == 7
    assert report.gallery[0]["label"] == "something else"
    assert [(s.where, s.reason) for s in report.skipped] == [(second, "has an empty transcript")]
    assert report.sha256 != task.check(data).sha256
    for wrong in ("{", "[1]", '{"a": 1}'):
        with pytest.raises(InputError, match="setting transcripts"):
            task.check(data, settings=TranscriptionSettings(transcripts=wrong))


def test_another_script_is_refused_by_a_model_that_writes_english_only(tmp_path: Path) -> None:
    data = write_clips(tmp_path / "data", 8)
    table = (data / "metadata.csv").read_text(encoding="utf-8").splitlines()
    rows = [f"{line.split(',')[0]},привет {i},," for i, line in enumerate(table[1:])]
    (data / "metadata.csv").write_text("\n".join([table[0], *rows]), encoding="utf-8")
    run = RunFolder.create(recipe(data), tmp_path / "run")
    assert worker.execute(run) == worker.WRONG_INPUT
    assert "it writes English only, and 8 of 8 transcripts are in Cyrillic letters" in run.state[1]


def test_what_ships_is_there_and_shares_no_text() -> None:
    said = samples.sentences()
    assert len(said) == len(set(said)) == 90
    assert len(samples.to_read()) == 10
    assert not set(said[samples.TRAINING]) & set(said[samples.TESTING])
    assert not set(samples.to_read()) & {*said[samples.TRAINING], *said[samples.TESTING]}
    parts = prepare.source_clips()
    known = (samples.REHEARSED, samples.CHOOSING, samples.TELLING)
    assert [len(own) for own in parts.values()] == [len(known[0]), len(known[1]), len(known[2]) + 5]
    texts = [text for own in parts.values() for text in own.texts]
    assert len(set(texts)) == len(texts)
    training = prepare.Selection(list("abcdefgh"), list("abcdefgh"), [np.zeros(1)] * 8)
    more = prepare.rehearsed(training, parts["train"])
    assert more.names == [*training.names, *parts["train"].names[:2]]


@pytest.mark.skipif(os.name == "nt", reason="no espeak-ng there")
def test_a_sample_that_needs_a_program_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InputError, match=r"espeak-ng is not on this computer; install espeak-ng"):
        Transcription().make_sample("accents", tmp_path)
    assert list(tmp_path.iterdir()) == [] or not (tmp_path / "accents").exists()
