"""Classes from their names by natural language inference: as the library's own pipeline answers, in every form that a
run can be had in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from engines import lifecycle
from engines.contract import InputError, Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.text.sentiment import explain, export_onnx, export_script, predict
from engines.text.sentiment.task import Sentiment
from tests import alone, tiny_nli, tiny_text

TASK = Sentiment()
CLASSES = list(tiny_text.CLASSES)
TEXTS = [text for text, _ in tiny_text.reviews(4, seed=9, twisted=0)]
LONG = " ".join(text for text, _ in tiny_text.reviews(12, seed=3, twisted=0))
KINDS = ("bert", "roberta", "bart")


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The BERT truly answers; of the others a few steps are enough to compare what they say."""
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    torch.set_num_threads(1)
    for kind in KINDS:
        tiny_nli.write_nli(folder, f"nli-{kind}", kind=kind, steps=tiny_nli.STEPS if kind == "bert" else 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [*tiny_text.reviews(10, seed=5, twisted=0), (LONG, "so-so")]
    return tiny_text.write_table(tmp_path_factory.mktemp("data") / "reviews.csv", rows)


def asked(path: Path, data: Path, model: str, **settings: Any) -> RunFolder:
    settings = {"hypothesis": tiny_nli.TEMPLATE, "max_tokens": 40, "max_windows": 3, **settings}
    recipe = Recipe(TASK.info.name, str(data), model, Strategy.ZERO_SHOT, settings=settings)
    run = RunFolder.create(recipe, path)
    assert worker.execute(run) == worker.DONE, run.state
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data: Path) -> dict[str, RunFolder]:
    """A finished run of each kind. Nobody writes into them."""
    return {kind: asked(tmp_path_factory.mktemp(kind) / "run", data, f"nli-{kind}") for kind in KINDS}


def by_pipeline(models: Path, kind: str, texts: list[str], template: str = tiny_nli.TEMPLATE) -> np.ndarray:
    """float (N, C): the probabilities of transformers' zero-shot-classification."""
    from transformers import pipeline

    ask = pipeline("zero-shot-classification", model=str(models / f"nli-{kind}"), device="cpu")
    said = [ask(text, CLASSES, hypothesis_template=template.replace("{label}", "{}")) for text in texts]
    return np.array([[dict(zip(one["labels"], one["scores"], strict=True))[c] for c in CLASSES] for one in said])


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_the_librarys_own_pipeline(
    runs: dict[str, RunFolder], models: Path, tmp_path: Path, kind: str
) -> None:
    new = tiny_text.write_table(tmp_path / "new.csv", [(text, str(i)) for i, text in enumerate(TEXTS)])
    rows = TASK.load(runs[kind].path).predict(new)
    ours = np.array([[row["probabilities"][c] for c in CLASSES] for row in rows])
    np.testing.assert_allclose(ours, by_pipeline(models, kind, TEXTS), atol=1e-5)
    kept = {row["file"]: row for row in pq.read_table(runs[kind].path / "predictions.parquet").to_pylist()}
    short = [row for row in kept.values() if len(row["text"]) < 100]
    ours = np.array([[row[f"p_{c}"] for c in CLASSES] for row in short])
    np.testing.assert_allclose(ours, by_pipeline(models, kind, [row["text"] for row in short]), atol=1e-5)


def test_it_names_classes_that_it_was_never_taught(runs: dict[str, RunFolder]) -> None:
    result = runs["bert"].result
    assert result is not None
    assert (result.strategy, result.epochs, result.trainable_parameters) == ("zero-shot", 0, 0)
    assert result.value > 0.6 > result.baselines["majority"]
    assert any("entails its sentence, such as 'This is bad.'" in note for note in result.notes)
    assert result.details["calibration"]["temperature"] == 1.0


def test_another_sentence_gives_another_answer(models: Path, data: Path, tmp_path: Path) -> None:
    """Also where the first one's answers are kept on disk."""
    template = "Our {label} novel seems dreadful"
    run = asked(tmp_path / "run", data, "nli-bert", hypothesis=template)
    rows = [row for row in pq.read_table(run.path / "predictions.parquet").to_pylist() if len(row["text"]) < 100]
    ours = np.array([[row[f"p_{c}"] for c in CLASSES] for row in rows])
    np.testing.assert_allclose(ours, by_pipeline(models, "bert", [r["text"] for r in rows], template), atol=1e-5)
    assert np.abs(ours - by_pipeline(models, "bert", [r["text"] for r in rows])).max() > 1e-3  # a hundred tolerances


def test_a_long_text_is_the_mean_of_its_windows(runs: dict[str, RunFolder]) -> None:
    """Three windows of 40 tokens, sentence included, and what follows is not read."""
    predictor: Any = TASK.load(runs["bert"].path)
    beside = max(len(ids) for ids, _ in predictor.reader.sentences)
    ids = predictor.reader.tokenizer(LONG)["input_ids"][1:-1]
    room = 40 - beside - 2
    windows = [predictor.reader.tokenizer.decode(ids[i * room : (i + 1) * room]) for i in range(3)]
    assert len(ids) > 3 * room
    np.testing.assert_allclose(predictor.logits([LONG])[0], predictor.logits(windows).mean(0), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_that_decided_add_up(runs: dict[str, RunFolder], kind: str) -> None:
    """Only the text's words have shares: the sentence is what is asked."""
    found = explain.attributed(predict.TextClassifier(runs[kind].path), TEXTS[0])
    assert found["tokens"] == re.findall(r"\w+|[^\w\s]", TEXTS[0])
    assert found["completeness_error"] < 0.05
    assert max(map(abs, found["scores"])) > 1e-4


def test_it_loads_in_three_lines(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    folder = TASK.export(runs["bart"].path, "safetensors", tmp_path / "out")
    result = runs["bart"].result
    assert result is not None
    lines = f"{result.details['load_snippet']}\nimport json, numpy, torch\ntexts = json.load(open('texts.json'))\n"
    lines += "inputs = tokenizer(texts, padding=True, return_tensors='pt')\n"
    lines += "with torch.no_grad():\n    numpy.save('logits.npy', model(**inputs).logits.numpy())\n"
    lines += "print(*model.config.id2label.values())"
    (folder / "texts.json").write_text(json.dumps(TEXTS))
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_MODULES_CACHE": str(tmp_path / "modules")}
    command = [sys.executable, "-W", "ignore", "-c", lines]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == CLASSES
    expected = predict.TextClassifier(runs["bart"].path).logits(TEXTS).numpy()
    np.testing.assert_allclose(np.load(folder / "logits.npy"), expected, atol=1e-5)
    assert predict.TextClassifier(folder).classes == CLASSES


def test_an_onnx_file_answers_as_the_run_does(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    exported = export_onnx.export(TASK, runs["bert"].path, tmp_path / "out")
    new = tiny_text.write_table(tmp_path / "new.csv", [(text, str(i)) for i, text in enumerate([LONG, *TEXTS])])
    tiny_text.onnx_loads_back(exported, "", predict.TextClassifier(runs["bert"].path), new)


@pytest.mark.parametrize("kind", ["bert", "bart"])
def test_the_script_repeats_it(runs: dict[str, RunFolder], tmp_path: Path, kind: str) -> None:
    """Which lets the tokenizer join texts and sentences, and ends with the same answers."""
    run = runs[kind]
    folder = export_script.export(TASK, run.path, tmp_path / "out")
    ended = alone.run(folder / "train.py", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert run.result is not None
    assert float(re.findall(r"balanced accuracy (\S+)", ended.stdout)[-1]) == pytest.approx(run.result.value, abs=1e-12)
    rows = pq.read_table(run.path / "predictions.parquet").to_pylist()
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert answers == {row["file"]: row["predicted"] for row in rows}


def test_a_model_of_inference_can_be_taught_like_any_other(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(TASK.info.name, str(data), "nli-bert", Strategy.FEATURES, settings={"epochs": 2})
    run = RunFolder.create(recipe, tmp_path / "run")
    assert worker.execute(run) == worker.DONE, run.state
    assert "PooledForSequenceClassification" in (run.path / "model" / "config.json").read_text()


def test_sentences_that_leave_no_room_for_a_text(data: Path, tmp_path: Path) -> None:
    asked_for = {"hypothesis": "And {label} it seems to me, in the end", "max_tokens": 16}
    recipe = Recipe(TASK.info.name, str(data), "nli-bert", Strategy.ZERO_SHOT, settings=asked_for)
    run = RunFolder.create(recipe, tmp_path / "run")
    with pytest.raises(InputError, match=r"^setting hypothesis: '.*' leaves no room for a text among 16 tokens"):
        lifecycle.fit(TASK, recipe, run)


def test_a_model_that_joins_texts_in_a_way_of_its_own(models: Path, data: Path, tmp_path: Path) -> None:
    """As XLNet, whose marks stand at the end of both."""
    import shutil

    from tokenizers import processors
    from transformers import AutoTokenizer

    other = shutil.copytree(models / "nli-bert", models / "nli-other")
    tokenizer = AutoTokenizer.from_pretrained(other)
    marks = [("[CLS]", tokenizer.cls_token_id), ("[SEP]", tokenizer.sep_token_id)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]", pair="$A [SEP] $B [SEP] [CLS]", special_tokens=marks
    )
    tokenizer.save_pretrained(other)
    recipe = Recipe(TASK.info.name, str(data), "nli-other", Strategy.ZERO_SHOT)
    run = RunFolder.create(recipe, tmp_path / "run")
    with pytest.raises(InputError, match="model nli-other: it reads a text together with a sentence in a way of its"):
        lifecycle.fit(TASK, recipe, run)
