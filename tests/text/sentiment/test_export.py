"""A run on texts taken home: as a script that repeats it without Headstart, and as an ONNX file that answers alike."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from engines.contract import InputError, Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.text.models import encoders
from engines.text.models.elmo import Elmo, ElmoForSequenceClassification, ElmoSizes
from engines.text.sentiment import export_onnx, export_safetensors, export_script, predict
from engines.text.sentiment.task import Sentiment
from engines.text.settings import TextSettings
from tests import alone, tiny_text

TASK = Sentiment()
ODD = [
    ('=SUM(A1) looks lovely,\nand "superb" it is', "good"),
    ("'quoted' and dreadful \u2028 你好 😀 line\rbreak\x85 here", "bad"),
    ("-1, average\t'plain'", "so-so"),
    ("@home: ordinary, middling", "so-so"),
]
"""What spreadsheets compute, and what careless readers of tables break at."""
LONG = [
    (" ".join([text for text, one in tiny_text.reviews(30, seed=3) if one == label][:18]), label)
    for label in tiny_text.CLASSES
]
"""Longer than the networks read at once: seven windows of 32 tokens and more."""


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tiny networks where they are looked for; one thread, which is enough for them."""
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    for write in (tiny_text.write_bert, tiny_text.write_gpt, tiny_text.write_llama):
        write(folder)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews, odd and long ones among them."""
    return tiny_text.write_table(tmp_path_factory.mktemp("data") / "reviews.csv", [*tiny_text.reviews(12), *ODD, *LONG])


def trained(path: Path, data: Path, strategy: Strategy, model: str = "tiny-bert", **more: object) -> RunFolder:
    recipe = {name: more.pop(name) for name in ("test", "seed") if name in more}
    settings = {"epochs": 3, "max_tokens": 32, "max_windows": 4, **more}
    run = RunFolder.create(Recipe(TASK.info.name, str(data), model, strategy, settings=settings, **recipe), path)
    assert worker.execute(run) == worker.DONE, run.state
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path) -> RunFolder:
    """A finished run on features. Nobody writes into it."""
    return trained(tmp_path_factory.mktemp("run") / "run", data, Strategy.FEATURES, epochs=30, seed=5)


@pytest.fixture
def copied(run: RunFolder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run.path, tmp_path / "copied"))


# --- the script -----------------------------------------------------------------------------------


def repeat(run: RunFolder, out: Path) -> str:
    """Runs the exported script on its own; asserts that it ends where the run did. Returns the script."""
    folder = export_script.export(TASK, run.path, out)
    ended = alone.run(folder / "train.py", cwd=out.parent)
    assert ended.returncode == 0, ended.stderr
    assert run.result is not None
    assert run.result.value < 1, "a perfect run could be repeated by luck"
    assert float(re.findall(r"balanced accuracy (\S+)", ended.stdout)[-1]) == pytest.approx(run.result.value, abs=1e-12)
    rows = pq.read_table(run.path / "predictions.parquet").to_pylist()
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert answers == {row["file"]: row["predicted"] for row in rows}
    ours, theirs = load_file(folder / "model.safetensors"), load_file(run.path / "model" / "model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-5, rtol=1e-5)
    script = (folder / "train.py").read_text(encoding="utf-8")
    lines = script.splitlines()
    assert max(map(len, lines)) <= 120
    assert not [line for line in lines if str(out.parents[1]) in line or str(Path.home()) in line]
    return script


def test_features_of_odd_and_long_texts(run: RunFolder, tmp_path: Path) -> None:
    script = repeat(run, tmp_path / "out")
    assert len([line for line in script.splitlines() if line.strip()]) < 235
    assert not [word for word in ("lora", "scratch", "fine-tuning", "first_block", "hypothesis") if word in script]


def test_classes_looked_for_by_their_names(data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data, Strategy.ZERO_SHOT, "tiny-llama", hypothesis="It is '{label}'.")
    script = repeat(run, tmp_path / "out")
    assert "It is '{label}'." in script
    assert "AdamW" not in script


def test_averages_of_classes(data: Path, tmp_path: Path) -> None:
    assert "AdamW" not in repeat(trained(tmp_path / "run", data, Strategy.PROTOTYPES), tmp_path / "out")


def test_the_last_block(data: Path, tmp_path: Path) -> None:
    """What lies below is run once; the rest is entered with what it gave."""
    assert "entering" in repeat(trained(tmp_path / "run", data, Strategy.PARTIAL), tmp_path / "out")


def test_a_whole_gpt_block_after_block_without_validation(data: Path, tmp_path: Path) -> None:
    settings = {
        "gradual": True,
        "gradient_accumulation": 3,
        "batch_size": 4,
        "balance": False,
        "validation_fraction": 0.0,
        "epochs": 4,
    }
    script = repeat(trained(tmp_path / "run", data, Strategy.FULL, "tiny-gpt", **settings), tmp_path / "out")
    assert "at_once" in script
    assert "bincount(data.labels" not in script


@pytest.mark.parametrize("model", ["tiny-bert", "tiny-gpt"])
def test_adapters(data: Path, tmp_path: Path, model: str) -> None:
    """Beside linear layers, and beside what GPT-2 has in their place."""
    run = trained(tmp_path / "run", data, Strategy.LORA, model, lora_rank=2)
    assert ("Conv1D" in repeat(run, tmp_path / "out")) == (model == "tiny-gpt")


def test_from_scratch_with_test_texts_apart(data: Path, tmp_path: Path) -> None:
    test = tiny_text.write_table(tmp_path / "test.csv", tiny_text.reviews(4, seed=9))
    run = trained(tmp_path / "run", data, Strategy.SCRATCH, test=str(test))
    assert "load_file" not in repeat(run, tmp_path / "out")
    assert not (tmp_path / "out" / "pretrained.safetensors").exists()


def test_a_whole_llama_in_bf16_that_the_clock_stopped(data: Path, tmp_path: Path) -> None:
    """The script makes as many epochs, however long they take."""
    settings = {"mixed_precision": "bf16", "epochs": 1000, "max_seconds": 1, "patience": 1000}
    run = trained(tmp_path / "run", data, Strategy.FULL, "tiny-llama", **settings)
    assert run.result is not None
    assert run.result.epochs < 1000
    script = repeat(run, tmp_path / "out")
    assert f"'stop': {run.result.epochs}" in script
    assert "bfloat16" in script


def test_what_lies_beside_the_script(run: RunFolder, tmp_path: Path) -> None:
    folder = export_script.export(TASK, run.path, tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {
        "train.py",
        "texts.csv",
        "requirements.txt",
        "pretrained.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert re.search(r"^transformers==\d", (folder / "requirements.txt").read_text(), re.MULTILINE)
    with (folder / "texts.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))
    assert cells[0] == ["name", "text", "label", "part"]
    assert not [cell for row in cells for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    rows = [[cell.removeprefix("'") for cell in row] for row in cells[1:]]
    assert {(row[1], row[2]) for row in rows} == {*tiny_text.reviews(12), *ODD, *LONG}, "every text comes back exactly"
    parts = [row[3] for row in rows]
    result = run.result
    assert result is not None
    assert (parts.count("train"), parts.count("validation"), parts.count("test")) == (
        result.n_train,
        result.n_validation,
        result.n_test,
    )


def test_a_script_of_a_recorded_run(copied: Path, tmp_path: Path) -> None:
    """It keeps its head alone, and is exported all the same."""
    predict.keep_learnt_only(copied / "model")
    assert not (export_script.export(TASK, copied, tmp_path / "out") / "head.safetensors").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"precision": "fp16"}, "it was trained in fp16, which the script cannot; accepted: "),
        ({"folds": 3}, "it was tested in folds, which the script does not; accepted: "),
        ({"weights": "0" * 64}, "the pretrained weights of tiny-bert on this machine are not"),
    ],
)
def test_what_cannot_be_repeated(copied: Path, tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    lesson = json.loads((copied / "model" / "lesson.json").read_text(encoding="utf-8"))
    (copied / "model" / "lesson.json").write_text(json.dumps(lesson | changes), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        export_script.export(TASK, copied, tmp_path / "script.zip")
    assert str(caught.value).startswith(f"run copied: {sentence}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "script.zip").exists()


def kept_elmo(folder: Path, **settings: Any) -> Path:
    """A run's folder with a tiny ELMo."""
    sizes = ElmoSizes(
        character_dim=4,
        filters=((1, 4), (2, 4)),
        highways=1,
        activation="relu",
        cells=8,
        projection=8,
        layers=2,
        cell_clip=3.0,
        projection_clip=3.0,
        skip=True,
    )
    network = encoders.staged_elmo(ElmoForSequenceClassification(Elmo(sizes), 2))
    card = replace(TASK.describe("tiny-bert"), name="elmo", family="ELMo")
    predict.save(
        folder / "run" / "model", network, card, ["no", "yes"], TextSettings(**settings), temperature=1.0, columns={}
    )
    return folder / "run"


def test_an_elmo_is_neither(tmp_path: Path) -> None:
    kept_elmo(tmp_path)
    with pytest.raises(
        InputError, match=r"^run run: an ELMo is built from Headstart's own code, which a script cannot"
    ):
        export_script.export(TASK, tmp_path / "run", tmp_path / "out")
    with pytest.raises(
        InputError, match=r"^run run: an ELMo reads word after word in a loop, which an ONNX file cannot"
    ):
        export_onnx.export(TASK, tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_elmos_usage_answers_as_the_run_does(tmp_path: Path) -> None:
    """Where Headstart cannot be seen; also of texts in several windows, of which the last are not read."""
    run = kept_elmo(tmp_path, max_tokens=16, max_windows=2)
    recipe = Recipe("text.sentiment", "texts.csv", "elmo", Strategy.FEATURES)
    (run / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")
    folder = export_safetensors.export(TASK, run, tmp_path / "out")
    texts = ["a fine film", "don't :-) café ☃", " ".join(["long and longer"] * 30), ""]
    new = tiny_text.write_table(tmp_path / "new.csv", [(text, str(i)) for i, text in enumerate(texts)])
    said = alone.run(folder / "usage.py", new, cwd=folder)
    assert said.returncode == 0, said.stderr
    rows = {row["file"]: row for row in map(json.loads, said.stdout.splitlines())}
    expected = {row["file"]: row for row in predict.TextClassifier(run).predict(new)}
    assert rows.keys() == expected.keys()
    for where, row in rows.items():
        assert row.get("probabilities") == pytest.approx(expected[where].get("probabilities"), abs=1e-4), where
    told = (folder / "README.md").read_text(encoding="utf-8")
    assert "python usage.py TEXTS.csv" in told


# --- ONNX -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_onnx.export(TASK, run.path, tmp_path_factory.mktemp("onnx") / "out")


def asked(exported: Path, texts: list[str], tmp_path: Path, run: RunFolder) -> None:
    """Asserts that usage.py, without torch, and the run's predictor say the same of `texts`."""
    new = tiny_text.write_table(tmp_path / "new.csv", [(text, str(i)) for i, text in enumerate(texts)])
    tiny_text.onnx_loads_back(exported, "", predict.TextClassifier(run.path), new)


def test_an_onnx_file_answers_as_the_run_does(run: RunFolder, exported: Path, tmp_path: Path) -> None:
    """Also of texts in several windows, of which the last are not read, as in the run."""
    asked(exported, [text for text, _ in [*LONG, *ODD, *tiny_text.reviews(2)]], tmp_path, run)
    assert (exported / "labels.txt").read_text(encoding="utf-8").splitlines() == list(tiny_text.CLASSES)
    text = (exported / "README.md").read_text(encoding="utf-8")
    card = (run.path / "README.md").read_text(encoding="utf-8")
    assert text.startswith(card.partition("## Load it")[0])
    assert 'session = onnxruntime.InferenceSession("model.onnx")' in text
    assert "from transformers import" not in text
    assert f"on {run.result.n_test} texts of the test" in text  # type: ignore[union-attr]
    held = (exported / "model.onnx").read_bytes()
    assert b"site-packages" not in held, "it tells nobody where our folders lie"


@pytest.mark.parametrize("model", ["tiny-gpt", "tiny-llama"])
def test_gpts_in_onnx(model: str, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data, Strategy.FULL, model, epochs=1)
    exported = export_onnx.export(TASK, run.path, tmp_path / "out")
    asked(exported, [text for text, _ in [*LONG, *tiny_text.reviews(1)]], tmp_path, run)


def test_an_onnx_file_takes_any_number_of_texts_of_any_length(run: RunFolder, exported: Path) -> None:
    import onnxruntime

    network = predict.TextClassifier(run.path).network
    session = onnxruntime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    for n, length in ((1, 1), (1, 32), (5, 3)):
        ids = torch.randint(5, 100, (n, length), generator=torch.Generator().manual_seed(n))
        mask = torch.ones_like(ids)
        mask[1:, 2:] = 0
        with torch.no_grad():
            expected = network.model(input_ids=ids, attention_mask=mask).logits.numpy()
        found = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_onnx_file_that_answers_otherwise_is_not_handed_out(
    run: RunFolder, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_another_model(model: torch.nn.Module, path: Path, *_: object) -> None:
        shutil.copyfile(exported / "model.onnx", path)
        with torch.no_grad():
            model.classifier.bias[1] += 2e-2  # type: ignore[union-attr, operator, index]

    monkeypatch.setattr(export_onnx, "write", of_another_model)
    with pytest.raises(InputError, match=r"^run run: its ONNX version answers otherwise than the model \(a logit"):
        export_onnx.export(TASK, run.path, tmp_path / "model.zip")
    assert not (tmp_path / "model.zip").exists()
