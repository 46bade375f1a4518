"""`--target` as it is typed: what `check` and `fit` say of it, and with which sentence other data are refused."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines.speech import samples
from tests import tiny_speech, tiny_text
from tests.contract.tiny import TINY
from tests.test_cli import call

pytestmark = pytest.mark.usefixtures("one_thread")
TEXT, VISION, VOICES = "text.sentiment", "vision.classification", "speech.speaker"
QUICK = ("--epochs", 2, "--json")
MANY = 20_000


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("models")
    TINY[VISION].write_weights(folder)
    tiny_text.write_bert(folder)
    tiny_speech.write_models(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A task's labelled data."""
    folder = tmp_path_factory.mktemp("data")
    return {
        TEXT: tiny_text.write_reviews(folder, each=12),
        VISION: pictures(folder / "pictures", 24, ("blue", "red")),
        VOICES: tiny_speech.write_voices(folder / "voices"),
    }


def pictures(folder: Path, n: int, labels: Sequence[str] = ("",), seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for number in range(n):
        label = labels[number % len(labels)]
        (folder / label).mkdir(parents=True, exist_ok=True)
        shade = {"blue": (40, 90, 200), "red": (190, 40, 50)}.get(label, (120, 120, 120))
        pixels = np.array(shade) + rng.normal(0, 20, (32, 32, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / label / f"{number:03d}.png")
    return folder


def texts(path: Path, n: int, label: str | None = None) -> Path:
    """A table of texts; with `label`, a column that says of each that it is that."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text"] if label is None else ["text", "label"])
        rows.writerows([f"a plot that nobody saw coming, number {i}", *([label] if label else [])] for i in range(n))
    return path


def clips(folder: Path, n: int, skip: int = 0) -> Path:
    """Sounds of which nothing says who speaks."""
    folder.mkdir()
    for path in sorted((samples.SHIPPED / "voices").rglob("*.ogg"))[skip : skip + n]:
        shutil.copyfile(path, folder / f"{path.parent.name}-{path.name}")
    return folder


def target_of(task: str, folder: Path, n: int) -> Path:
    """`n` unlabelled examples of a new domain."""
    if task == TEXT:
        return texts(folder / "new.csv", n)
    return pictures(folder / "new", n, seed=1) if task == VISION else clips(folder / "new", n)


# --- check ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "method"), [(TEXT, "self-training"), (VISION, "none"), (VOICES, "none")])
def test_check_says_what_will_be_done(task: str, method: str, data: dict[str, Path], tmp_path: Path) -> None:
    answer = call("check", task, "--data", data[task], "--target", target_of(task, tmp_path, 36), "--json")
    assert answer.status == 0, answer.err
    found = answer.json["target"]
    assert (found["n"], found["found"], found["labelled"], found["method"]) == (36, 36, 0, method)
    assert found["why"].startswith("By a rule fixed before: ")


def test_check_for_people(data: dict[str, Path], tmp_path: Path) -> None:
    answer = call("check", TEXT, "--data", data[TEXT], "--target", texts(tmp_path / "new.csv", 40, "good"))
    assert answer.status == 0, answer.err
    assert "new domain: 40 texts; Self-training. By a rule fixed before: " in answer.out
    assert "40 of its texts have labels: these are set aside and used for the truth only." in answer.out


@pytest.mark.parametrize("task", [TEXT, VISION, VOICES])
def test_fewer_than_thirty_are_left_alone_and_refused_where_a_method_is_asked_for(
    task: str, data: dict[str, Path], tmp_path: Path
) -> None:
    few = target_of(task, tmp_path, 12)
    left = call("check", task, "--data", data[task], "--target", few, "--json")
    assert left.json["target"]["method"] == "none"
    asked = call("check", task, "--data", data[task], "--target", few, "--set", "adapt=t3a")
    assert asked.status == 2
    assert "--target: 12 " in asked.err
    assert "too few for T3A" in asked.err
    assert "accepted: 30 " in asked.err


@pytest.mark.parametrize(("task", "other"), [(TEXT, VISION), (VISION, TEXT), (VOICES, TEXT)])
def test_data_of_another_kind_are_one_sentence(task: str, other: str, data: dict[str, Path], tmp_path: Path) -> None:
    for verb, more in (("check", ()), ("fit", ("--out", tmp_path / "run", "--model", TINY[task].model))):
        answer = call(verb, task, "--data", data[task], "--target", data[other], *more)
        assert answer.status == 2, verb
        assert len(answer.err.strip().splitlines()[-1]) < 400
        assert "accepted" in answer.err
    assert not (tmp_path / "run" / "result.json").exists()


def test_other_classes(data: dict[str, Path], tmp_path: Path) -> None:
    answer = call("check", TEXT, "--data", data[TEXT], "--target", texts(tmp_path / "new.csv", 40, "sport"))
    assert answer.status == 2
    assert "its classes ('sport') are others than what is learnt" in answer.err
    folders = pictures(tmp_path / "new", 40, ("may", "june"))  # which may mean anything
    answer = call("check", VISION, "--data", data[VISION], "--target", folders)
    assert answer.status == 0, answer.err
    assert "Its folders ('june', 'may') are no classes that are learnt, so they are taken for none." in answer.out


def test_of_very_many_some_are_drawn_and_it_is_said(data: dict[str, Path], tmp_path: Path) -> None:
    many = texts(tmp_path / "many.csv", MANY)
    (tmp_path / "many").mkdir()
    for number, kept in enumerate(pictures(tmp_path / "some", 40).iterdir()):
        for copy in range(number, MANY, 40):
            os.link(kept, tmp_path / "many" / f"{copy:05d}.png")
    for task, target in ((TEXT, many), (VISION, tmp_path / "many")):
        answer = call("check", task, "--data", data[task], "--target", target, "--json")
        assert answer.status == 0, answer.err
        found = answer.json["target"]
        assert (found["n"], found["found"]) == (2000, MANY)
        assert any(note.startswith("2,000 of its 20,000 ") for note in found["notes"])


# --- fit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "adapt"), [(TEXT, "rule"), (VISION, "t3a"), (VOICES, "self-training")])
def test_fit_tells_both_models(task: str, adapt: str, data: dict[str, Path], tmp_path: Path) -> None:
    more = {VISION: ("--set", "image_size=64", "--set", "views=1"), VOICES: ("--set", "folds=0")}.get(task, ())
    answer = call(
        "fit", task, "--data", data[task], "--target", target_of(task, tmp_path, 36), "--model", TINY[task].model,
        "--set", f"adapt={adapt}", *more, "--out", tmp_path / "run", *QUICK,
    )  # fmt: skip
    assert answer.status == 0, answer.err
    found = answer.json["details"]["adaptation"]
    assert (found["n"], found["truth"]) == (36, None)
    assert found["method"] == {"rule": "self-training"}.get(adapt, adapt)
    assert set(found["estimate"]) == {"before", "after", "error"}
    assert (tmp_path / "run" / "target.parquet").exists()


def test_labels_that_came_by_accident_tell_the_truth(data: dict[str, Path], tmp_path: Path) -> None:
    target = tiny_text.write_reviews(tmp_path, each=12, seed=9)
    answer = call(
        "fit", TEXT, "--data", data[TEXT], "--target", target, "--model", TINY[TEXT].model, "--epochs", 2,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    assert "New domain: adapted by Self-training" in answer.out
    assert "By the labels there: " in answer.out
