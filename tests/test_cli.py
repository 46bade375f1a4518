"""The command line: its JSON, its exit statuses and its sentences, which scripts and workshops rely on."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from engines import cli as command_line
from engines import lifecycle, messages, paths, registry, weights
from engines.contract import Cancelled
from engines.runs import RunFolder
from engines.vision.classification.task import Classification
from tests.contract.test_runs import PROMISED
from tests.contract.tiny import TINY

TASK = "vision.classification"
TINY_VISION = TINY[TASK]
QUICK = ("--model", "test_resnet", "--set", "image_size=64", "--set", "views=1")


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line of standard output; with --json there is no other."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        assert self.out.count("\n") == 1
        return found


def call(*arguments: object) -> Answer:
    """Runs `python -m engines` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["engines", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = command_line.main()
    assert "Traceback" not in err.getvalue()
    return Answer(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module", autouse=True)
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Weights for the tiny model, and one thread: such a small network is faster with one."""
    import torch

    models, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    TINY_VISION.write_weights(models)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield models
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TINY_VISION.write_data(tmp_path_factory.mktemp("data") / "colours")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TINY_VISION.write_new(tmp_path_factory.mktemp("new") / "new")[0]


@dataclass(frozen=True)
class Fitted:
    path: Path
    answer: Answer


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    path = tmp_path_factory.mktemp("runs") / "run"
    return Fitted(path, call("fit", TASK, "--data", data, "--out", path, *QUICK, "--epochs", 2, "--seed", 3, "--json"))


# --- what each verb answers -----------------------------------------------------------------------


def test_fit(fitted: Fitted) -> None:
    answer = fitted.answer
    assert answer.status == 0
    assert answer.json.keys() >= PROMISED
    assert answer.json == json.loads((fitted.path / "result.json").read_text(encoding="utf-8"))
    assert (answer.json["run"], answer.json["task"], answer.json["model"], answer.json["strategy"]) == (
        "run",
        TASK,
        "test_resnet",
        "features",
    )
    assert (answer.json["seed"], answer.json["epochs"]) == (3, 2)
    assert "Fitting the new head …" in answer.err
    assert "epoch 2/2: loss" in answer.err


def test_fit_for_people(data: Path, tmp_path: Path) -> None:
    baseline = ("--set", "baseline=scratch", "--max-seconds", "60")
    answer = call("fit", TASK, "--data", data, "--out", tmp_path / "run", *QUICK, "--epochs", 1, *baseline)
    assert answer.status == 0
    first, *rest = answer.out.splitlines()
    assert first.startswith("balanced_accuracy ")
    assert "on 15 test examples" in first
    assert any(line.startswith("  baseline scratch: ") for line in rest)
    assert "training from scratch (95 % interval" in rest[-1]


def test_fit_with_test_data_of_its_own(data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "test.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(data.rglob("0[01].png")):
            opened.write(path, path.relative_to(data))
    answer = call(
        "fit", TASK, "--data", data, "--test", archive, "--out", tmp_path / "run", *QUICK, "--epochs", 1, "--json"
    )
    assert answer.status == 0, answer.err
    assert answer.json["n_test"] == 10
    assert answer.json["n_train"] + answer.json["n_validation"] == 50  # what is tested on is not trained on
    assert any("10 photographs are in the test data too" in note for note in answer.json["notes"])


def test_the_same_recipe_again_trains_again(fitted: Fitted, data: Path) -> None:
    again = call("fit", TASK, "--data", data, "--out", fitted.path, *QUICK, "--epochs", 2, "--seed", 3, "--json")
    assert again.status == 0
    assert again.json["value"] == fitted.answer.json["value"]


def test_check(data: Path) -> None:
    answer = call("check", TASK, "--data", data, "--json")
    assert answer.status == 0
    assert answer.json["ok"] is True
    assert answer.json["n_examples"] == 60
    assert answer.json["classes"] == dict(TINY_VISION.classes)
    assert answer.json["splits"] == {"train": 35, "validation": 10, "test": 15}
    assert "60 photographs" in call("check", TASK, "--data", data).out


def test_models() -> None:
    answer = call("models", "vision", "--json")
    assert answer.status == 0
    rows = answer.json["models"]
    assert [row["name"] for row in rows if row["task"] == TASK] == [card.name for card in Classification().models()]
    assert {row["task"] for row in rows} == {TASK, "vision.detection"}
    assert {row["weights"] for row in rows} <= {"here", "download", "unreachable"}
    assert all(row["licence"] and row["stages"] for row in rows)
    listed = call("models").out.splitlines()
    assert len(listed) == sum(len(registry.task(name).models()) for name in registry.names())
    assert "4.7 M parameters" in listed[0]


def test_samples(tmp_path: Path) -> None:
    answer = call("samples", "vision", "--out", tmp_path, "--json")
    assert answer.status == 0
    rows = {row["name"]: row for row in answer.json["samples"]}
    assert all(row["origin"] and row["licence"] for row in rows.values())
    assert len(list(Path(rows["digits"]["path"]).rglob("*.png"))) == 400
    photographs = rows["photographs"]
    assert Path(photographs["path"]).is_dir() if photographs["path"] else "install" in photographs["problem"]
    assert "Handwritten digits (CC BY 4.0)" in call("samples").out


def test_predict(fitted: Fitted, new: Path) -> None:
    answer = call("predict", fitted.path, "--data", new, "--json")
    assert answer.status == 0
    assert answer.json["run"] == "run"
    rows = {row["file"]: row for row in answer.json["predictions"]}
    assert rows.keys() == {path.name for path in new.iterdir()}
    assert rows["cut.png"] == {"file": "cut.png", "error": "is cut short"}
    assert rows["red.png"]["probabilities"].keys() == TINY_VISION.classes.keys()
    prose = call("predict", fitted.path, "--data", new / "red.png")
    assert f"{rows['red.png']['label']} {rows['red.png']['confidence']:.1%}" in prose.out


def test_predict_into_a_table(fitted: Fitted, new: Path, tmp_path: Path) -> None:
    answer = call("predict", fitted.path, "--data", new, "--out", tmp_path / "answers.csv", "--json")
    assert answer.status == 0
    assert (answer.json["n"], answer.json["bad"]) == (5, 1)
    assert "left out: cut.png is cut short" in answer.err
    assert (tmp_path / "answers.csv").read_text(encoding="utf-8-sig").startswith("file,")
    refused(
        call("predict", fitted.path, "--data", new, "--out", tmp_path / "answers.doc"),
        ["accepted: a name that ends in .csv or .parquet"],
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows process gets no such signal")
@pytest.mark.timeout(600)
def test_serve_answers_until_it_is_told_to_go(fitted: Fitted, new: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "engines", "serve", str(fitted.path), "--port", str(port)]
    served = subprocess.Popen(command, cwd=paths.PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 480
        while served.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                files = {"file": ("red.png", (new / "red.png").read_bytes())}
                answer = httpx.post(f"http://127.0.0.1:{port}/predict", files=files, timeout=60).json()
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"nobody answers; its exit status is {served.poll()}")
        (row,) = answer["predictions"]
        expected = call("predict", fitted.path, "--data", new / "red.png", "--json").json["predictions"][0]
        assert row["label"] == expected["label"]
        assert row["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)
    finally:
        served.terminate()
        assert served.wait(30) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)


def test_explain(fitted: Fitted, new: Path, tmp_path: Path) -> None:
    answer = call("explain", fitted.path, "--data", new, "--out", tmp_path / "why", "--json")
    assert answer.status == 0
    rows = {row["file"]: row for row in answer.json["explanations"]}
    assert rows["cut.png"]["error"] == "is cut short"
    assert rows["red.png"]["method"] == "Grad-CAM"
    assert Path(rows["red.png"]["picture"]).is_file()


def test_export(fitted: Fitted, tmp_path: Path) -> None:
    answer = call("export", fitted.path, "--format", "safetensors", "--out", tmp_path / "mine.zip", "--json")
    assert answer.status == 0
    assert answer.json == {"run": "run", "format": "safetensors", "path": str(tmp_path / "mine.zip")}
    with zipfile.ZipFile(tmp_path / "mine.zip") as opened:
        assert set(opened.namelist()) == {
            "model.safetensors",
            "config.json",
            "usage.py",
            "requirements.txt",
            "README.md",
            "recipe.json",
        }


def test_compare(data: Path, tmp_path: Path) -> None:
    ask = ("compare", TASK, "--data", data, *QUICK, "--set", "epochs=2", "--budgets", "5,20", "--seeds", 1)
    answer = call(*ask, "--out", tmp_path / "out", "--json")
    assert answer.status == 0
    kept = messages.read(json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8")))
    assert answer.json == kept
    assert answer.json["verdict"] in {"pays", "hurts", "no_difference", "undecided", None}
    assert answer.json["low"] <= answer.json["value"] <= answer.json["high"]
    for point in answer.json["points"]:
        assert point.keys() == {"budget", "strategy", "mean", "low", "high", "seeds", "values", "seconds"}
    trained = sorted((tmp_path / "out" / "trials").iterdir())
    more = call(*ask[:-1], 2, "--out", tmp_path / "out", "--json")
    assert [point["seeds"] for point in more.json["points"][:2]] == [2, 2]
    assert set(trained) < set((tmp_path / "out" / "trials").iterdir()), "what is there is read, not trained again"
    assert answer.json["difference"].items() >= {"n": answer.json["n"], "seeds": 1}.items()
    assert [(point["budget"], point["strategy"]) for point in answer.json["points"]] == [
        (5, "features"),
        (5, "scratch"),
        (5, "pixels_logistic_regression"),
        (20, "features"),
        (20, "scratch"),
        (20, "pixels_logistic_regression"),
    ]


@pytest.mark.weights
def test_prefetch(tmp_path: Path) -> None:
    answer = call("prefetch", "vision", "--dest", tmp_path / "usb", "--json")
    assert answer.status == 0
    assert str(tmp_path / "usb" / "tf_efficientnet_lite0" / "pytorch_model.bin") in answer.json["copied"]
    assert "model resnet18: its weights are not on this machine" in answer.err
    cards = {card.name for name in registry.names("vision") for card in registry.task(name).models()}
    assert len(answer.json["copied"]) + len(answer.json["problems"]) == len(cards)


def test_a_run_is_foretold_and_graded(data: Path, tmp_path: Path) -> None:
    ask = ("fit", TASK, "--data", data, *QUICK, "--set", "epochs=2", "--out", tmp_path / "run", "--forecast")
    answer = call(*ask)
    assert answer.status == 0
    kept = json.loads((tmp_path / "run" / "forecast.json").read_text(encoding="utf-8"))
    assert kept.keys() == {"model", "depth", "expected", "gain", "mismatch", "sha256", "n", "seed"}
    before, _, after = answer.out.partition("balanced_accuracy")
    assert "expect a balanced accuracy of about" in before
    assert f"Foretold {kept['expected']['value']:.3f} ± " in after
    assert "Said to take " in after
    plain = call(*ask[:-2], tmp_path / "plain")
    assert not (tmp_path / "plain" / "forecast.json").exists()
    assert "Foretold" not in plain.out


def test_rank_orders_the_depths_of_a_model_before_training(data: Path) -> None:
    chosen = ("rank", TASK, "--data", data, "--model", "test_resnet", "--set", "image_size=64")
    answer = call(*chosen, "--json")
    assert answer.status == 0
    rows = answer.json["models"]
    assert {(row["name"], row["depth"]) for row in rows} == {("test_resnet", depth) for depth in range(1, 6)}
    assert answer.json["expected"].keys() == answer.json["gain"].keys() == {"value", "error"}
    assert answer.json["n"] <= 300
    lines = call(*chosen).out.splitlines()
    assert lines[1].startswith("  1   test_resnet")
    assert lines[len(rows) + 1 :] == answer.json["said"]


def test_rank_of_a_model_that_is_not_here(data: Path) -> None:
    answer = call("rank", TASK, "--data", data, "--model", "resnet18")
    assert answer.status == 2
    assert answer.err.startswith("model resnet18: its weights are not on this machine")


def test_prefetch_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find", lambda _: None)
    answer = call("prefetch", "--dest", tmp_path / "usb", "--json")
    assert (answer.status, answer.json["copied"]) == (2, [])
    assert len(answer.err.splitlines()) == len(answer.json["problems"]) > 1


# --- wrong input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (["check", "vision.colours", "--data", "."], ["task: there is no task 'vision.colours'; known: "]),
        (["models", "visoin"], ["domain: there is no domain 'visoin'; known: "]),
        (["samples", "visoin"], ["domain: there is no domain"]),
        (["prefetch", "visoin"], ["domain: there is no domain"]),
        (["check", TASK, "--data", "absent.zip"], ["absent.zip: there is no such file or folder; accepted: "]),
        (["predict", "absent", "--data", "."], ["absent: this is no run folder; accepted: a folder that `fit` wrote."]),
        (["explain", "absent", "--data", ".", "--out", "x"], ["absent: this is no run folder"]),
        (["export", "absent", "--out", "x"], ["absent: this is no run folder"]),
    ],
)
def test_wrong_names(arguments: list[str], sentences: list[str]) -> None:
    refused(call(*arguments), sentences)


def refused(answer: Answer, sentences: list[str]) -> None:
    """Exit status 2, nothing on standard output, and one sentence a problem."""
    assert (answer.status, answer.out) == (2, "")
    lines = answer.err.splitlines()
    assert len(lines) == len(sentences), answer.err
    for line, sentence in zip(lines, sentences, strict=True):
        assert sentence in line
        assert line.endswith(".")


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (["--model", "resnet_18"], ["model resnet_18: timm has no model of that name; similar: "]),
        (["--model", "resnet18.mine"], ["model resnet18.mine: timm knows no weights of that name; known: "]),
        (
            ["--strategy", "guessing"],
            [f"strategy: 'guessing' is not offered by {TASK}; accepted: zero-shot, features, "],
        ),
        (["--strategy", "all"], ["strategy: 'all' is not offered"]),
        (["--set", "epoch=3"], ["setting epoch: there is no such setting; did you mean epochs? Known: "]),
        (["--set", "epochs=many"], ["setting epochs: found 'many'; accepted: a whole number."]),
        (["--epochs", "0"], ["setting epochs: found 0; accepted: 1 to 10000."]),
        (["--set", "flip=perhaps"], ["setting flip: found 'perhaps'; accepted: true or false."]),
        (["--set", "augment"], ["--set augment: there is no '='; accepted: key=value."]),
        (["--test", "absent"], ["--test: there is no absent; accepted: a folder, a zip or a file."]),
        (
            ["--data", "absent", "--set", "x=1", "--set", "views=0", "--strategy", "all"],
            ["setting x: ", "setting views: found '0'; accepted: 1 to 64.", "strategy: 'all'", "--data: there is no "],
        ),
    ],
)
def test_wrong_recipes(data: Path, tmp_path: Path, changes: list[str], sentences: list[str]) -> None:
    """Each problem in one sentence, all of them at once, and no run folder left behind."""
    refused(call("fit", TASK, "--data", data, "--out", tmp_path / "run", *changes), sentences)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--strategy", "partial", "--set", "blocks=6"], "setting blocks: found 6; this network has 5 blocks"),
        (["--model", "test_vit", "--set", "image_size=64", "--strategy", "scratch"], "setting image_size: found 64"),
        (["--model", "resnet18"], "model resnet18: its weights are not on this machine and the hub cannot be reached"),
    ],
)
def test_recipes_that_turn_out_wrong(data: Path, tmp_path: Path, changes: list[str], sentence: str) -> None:
    answer = call("fit", TASK, "--data", data, "--out", tmp_path / "run", *QUICK, *changes)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith(sentence)


@pytest.mark.parametrize("trouble", ["no zip", "empty", "one class", "few"])
def test_wrong_data(data: Path, tmp_path: Path, trouble: str) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    if trouble == "no zip":
        wrong = tmp_path / "wrong.zip"
        wrong.write_text("hello")
    if trouble in {"one class", "few"}:
        for label in ("red", "blue")[: 1 + (trouble == "few")]:
            (wrong / label).mkdir()
            for path in sorted((data / label).iterdir())[: 12 if trouble == "one class" else 1]:
                (wrong / label / path.name).write_bytes(path.read_bytes())
    for verb in (["check"], ["fit", "--out", tmp_path / "run", *QUICK]):
        answer = call(verb[0], TASK, "--data", wrong, *verb[1:])
        assert answer.status == 2
        assert answer.err.splitlines()[-1].startswith(wrong.name)
        assert answer.out == ""


def test_wrong_blocks(data: Path, tmp_path: Path) -> None:
    answer = call("sweep", TASK, "--data", data, "--out", tmp_path / "out", *QUICK, "--blocks=few")
    refused(answer, ["--blocks: found 'few'; accepted: whole numbers with commas, such as 10,30,100."])


@pytest.mark.parametrize("text", ["", "ten", "10,,x", "0,10", "-5", "1.5"])
def test_wrong_budgets(data: Path, tmp_path: Path, text: str) -> None:
    answer = call("compare", TASK, "--data", data, "--out", tmp_path / "out", *QUICK, f"--budgets={text}")
    refused(answer, [f"--budgets: found {text!r}; accepted: whole numbers with commas, such as 10,30,100."])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            ["--budgets", "4,20"],
            "budgets: found 4; accepted: 5 (one a class) to 45 photographs (all that are not tested on).",
        ),
        (["--budgets", "46"], "budgets: found 46; accepted: 5 "),
        (["--strategy", "scratch"], "strategy: scratch is what the others are compared with; accepted: any other"),
    ],
)
def test_comparisons_that_make_no_sense(data: Path, tmp_path: Path, changes: list[str], sentence: str) -> None:
    answer = call("compare", TASK, "--data", data, "--out", tmp_path / "out", *QUICK, *changes)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith(sentence)


def test_an_export_that_is_not_offered(fitted: Fitted, tmp_path: Path) -> None:
    refused(
        call("export", fitted.path, "--format", "floppy", "--out", tmp_path / "out"),
        ["format: floppy is not offered here; accepted: safetensors, onnx, web, script, notebook, service, app."],
    )


def test_a_run_folder_in_use(fitted: Fitted, data: Path, tmp_path: Path) -> None:
    """Neither another run nor anybody's files are written over."""
    recipe = (fitted.path / "recipe.json").read_bytes()
    for verb in (["fit"], ["compare", "--budgets", "5"]):
        ask = (verb[0], TASK, "--data", data, *QUICK, *verb[1:], "--seed", 4)
        refused(call(*ask, "--out", fitted.path), [f"--out {fitted.path}: another run is in this folder; accepted: "])
        assert (fitted.path / "recipe.json").read_bytes() == recipe
        (tmp_path / "thesis").mkdir(exist_ok=True)
        (tmp_path / "thesis" / "chapter.txt").write_text("important")
        for place in (tmp_path / "thesis", tmp_path / "thesis" / "chapter.txt"):
            refused(call(*ask, "--out", place), [f"--out {place}: it is not empty; accepted: "])
        assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit"], "Missing argument 'TASK'; see python -m engines fit --help."),
        (["fit", TASK, "--data", "x"], "Missing option '--out'; see python -m engines fit --help."),
        (["fitt"], "No such command 'fitt'"),
        (["models", "--jsn"], "No such option: --jsn"),
        (["fit", TASK, "--data", "x", "--out", "y", "--epochs", "many"], "Invalid value for '--epochs': "),
        (["compare", TASK, "--data", "x", "--out", "y", "--seeds", "0"], "Invalid value for '--seeds': "),
    ],
)
def test_a_mistyped_command(arguments: list[str], sentence: str) -> None:
    refused(call(*arguments), [sentence])


@pytest.mark.parametrize(
    "verb",
    [
        "",
        "fit",
        "compare",
        "longer",
        "sweep",
        "rank",
        "predict",
        "models",
        "samples",
        "check",
        "explain",
        "export",
        "serve",
        "prefetch",
    ],
)
def test_help(verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(*filter(None, [verb]), "--help")
    assert answer.status == 0
    assert "Usage:" in answer.out + capfd.readouterr().out


# --- stopped, and broken --------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows process gets no such signal")
def test_ctrl_c_keeps_what_was_learnt(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ask = ["fit", TASK, "--data", str(data), "--out", str(out), *QUICK, "--strategy", "scratch", "--epochs", "40"]
    ask += ["--set", "patience=40", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "engines", *ask], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 120
        while not [event for event in RunFolder(out).events() if event.kind == "epoch"]:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "Cancelled. What was learnt so far is kept."
    assert "Traceback" not in stderr
    epochs = [event.data["epoch"] for event in RunFolder(out).events() if event.kind == "epoch"]
    again = call(*ask)
    assert again.status == 0
    assert f"note: Resumed scratch after epoch {epochs[-1]}." in again.err
    assert [event.data["epoch"] for event in RunFolder(out).events() if event.kind == "epoch"] == list(range(1, 41))


def test_a_cancelled_comparison(data: Path, tmp_path: Path) -> None:
    with mock.patch.object(lifecycle, "compare", side_effect=Cancelled):
        answer = call("compare", TASK, "--data", data, "--out", tmp_path / "out", *QUICK, "--json")
    assert (answer.status, answer.out) == (130, "")
    assert answer.err == "Cancelled. What was learnt so far is kept.\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--strategy", "partial", "--set", "blocks=99"),
        ("--strategy", "features", "--set", "mix=mixup"),
        ("--strategy", "identified"),
        ("--model", "no/such-model"),
        ("--strategy", "features", "--epochs", "0"),
    ],
)
def test_check_refuses_what_fit_refuses_of_a_model_and_a_strategy(
    data: Path, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    quick = () if "--model" in wrong else QUICK
    checked = call("check", TASK, "--data", data, *quick, *wrong)
    fitted = call("fit", TASK, "--data", data, "--out", tmp_path / "run", *quick, *wrong)
    assert checked.status == fitted.status == 2
    assert checked.err.splitlines()[-1] == fitted.err.splitlines()[-1]


def test_check_of_what_can_be_trained_answers_as_without_a_model(data: Path) -> None:
    answer = call("check", TASK, "--data", data, *QUICK, "--strategy", "features", "--epochs", "2", "--json")
    assert (answer.status, answer.json["n_examples"]) == (0, 60)


@pytest.mark.parametrize("verb", ["check", "fit"])
def test_a_defect_of_ours_is_one_sentence_and_a_log(data: Path, tmp_path: Path, verb: str) -> None:
    more = ["--out", tmp_path / "run", *QUICK] if verb == "fit" else []
    with mock.patch.object(Classification, {"fit": "open"}.get(verb, verb), side_effect=ZeroDivisionError("oops")):
        answer = call(verb, TASK, "--data", data, *more)
    assert (answer.status, answer.out) == (1, "")
    log = tmp_path / "run" / "worker.log" if verb == "fit" else paths.home() / "errors.log"
    assert answer.err.splitlines()[-1].startswith("This is a defect of ours: ZeroDivisionError. The details are in ")
    assert "ZeroDivisionError: oops" in log.read_text(encoding="utf-8")


def test_as_a_program() -> None:
    """What the shell sees: the exit status, and standard output apart from standard error."""
    ran = subprocess.run(
        [sys.executable, "-m", "engines", "check", TASK, "--data", "absent", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("absent: there is no such file or folder; accepted: ")
    assert ran.stderr.count("\n") == 1
