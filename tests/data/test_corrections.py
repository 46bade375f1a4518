"""What a person puts right in their data is applied when they are read, and nothing else changes."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.cli import main
from engines.contract import InputError, Recipe, Strategy
from engines.data import corrections
from engines.jobs import worker
from engines.runs import RunFolder
from engines.vision.classification.settings import VisionSettings
from engines.vision.classification.task import Classification
from tests import alone
from tests.contract.tiny import EACH, TINY

TINY_VISION = TINY["vision.classification"]


# --- the text and what it does --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "this is no JSON"),
        ("[1]", "this is JSON, but no object"),
        ('{"a": 1}', "'a' has 1 for a label"),
        ('{"a": " "}', "'a' has ' ' for a label"),
    ],
)
def test_what_is_no_correction_is_refused(text: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        corrections.parse(text)
    assert caught.value.problems[0].where == "setting corrections"
    assert caught.value.problems[0].found.startswith(found)


@given(st.dictionaries(st.text(), st.none() | st.text().filter(str.strip)))
def test_what_is_written_is_read_back(given: corrections.Corrections) -> None:
    assert corrections.parse(corrections.written(given)) == given


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(corrections.parse(text), dict)


def test_labels_change_and_examples_go() -> None:
    found = corrections.apply("abcd", ["cat", "dog", "cat", "dog"], {"a": "dog", "b": "dog", "c": None, "z": None})
    assert found.labels == ["dog", "dog", "cat", "dog"]
    assert found.kept == [True, True, False, True]
    assert found.notes == ["1 relabelled, 1 dropped by you.", "Corrections of what is not in the data (any more): z."]


def test_of_two_of_one_name_the_later_is_meant() -> None:
    assert corrections.apply(["a", "a"], ["cat", "dog"], {"a": "cat"}).labels == ["cat", "cat"]


def test_a_slip_of_the_pen_makes_no_class() -> None:
    with pytest.raises(InputError, match="there is no class 'dgo'; accepted: cat, dog"):
        corrections.apply("ab", ["cat", "dog"], {"a": "dgo"})


# --- in a run -------------------------------------------------------------------------------------

TASK = Classification()
PUT_RIGHT = {"red/00.png": "blue", "red/01.png": None, "blue/03.png": "green", "amber/05.png": None}


@pytest.fixture
def data(tiny_photographs: Path) -> Path:
    return tiny_photographs


def run(path: Path, data: Path, text: str | None) -> RunFolder:
    settings = {"image_size": 64, "views": 1, "epochs": 2, "folds": 0} | ({} if text is None else {"corrections": text})
    recipe = Recipe(TASK.info.name, str(data), "test_resnet", Strategy.FEATURES, settings=settings)
    made = RunFolder.create(recipe, path)
    assert worker.execute(made) == worker.DONE, made.state
    return made


def split_of(made: RunFolder) -> dict[str, tuple[str, str]]:
    """File -> (label, part), as the run's script would read it."""
    rows = (made.path / "model" / "split.csv").read_text(encoding="utf-8").splitlines()[1:]
    return {file: (label, part) for file, label, part in (row.split(",") for row in rows)}


def test_a_corrected_run(data: Path, tmp_path: Path) -> None:
    before, after = run(tmp_path / "before", data, None), run(tmp_path / "after", data, json.dumps(PUT_RIGHT))
    expected = split_of(before)
    for name, label in PUT_RIGHT.items():
        part = expected.pop(name)[1]
        if label is not None:
            expected[name] = (label, part)
    assert split_of(after) == expected, "everything else stays where it was"
    assert before.result is not None
    assert after.result is not None
    assert "2 relabelled, 2 dropped by you." in after.result.notes
    assert after.result.n_train + after.result.n_validation + after.result.n_test == 5 * EACH - 2
    assert "reading" not in {e.data["name"] for e in after.events() if e.kind == "phase"}, "no picture is decoded again"
    assert after.recipe.data_sha256 != before.recipe.data_sha256
    assert sorted(path.name for path in (data / "red").iterdir()) == [f"{n:02d}.png" for n in range(EACH)]

    learnt = pq.read_table(after.path / "learnt_from.parquet").to_pylist()
    assert {row["file"]: row["label"] for row in learnt} == {
        file: label for file, (label, part) in expected.items() if part != "test"
    }
    assert all((after.path / row["thumbnail"]).is_file() for row in learnt)

    report = TASK.check(data, settings=VisionSettings(corrections=json.dumps(PUT_RIGHT)))
    assert (report.sha256, report.n_examples) == (after.recipe.data_sha256, 5 * EACH - 2)
    assert report.classes == {"amber": EACH - 1, "blue": EACH, "green": EACH + 1, "grey": EACH, "red": EACH - 2}
    assert report.splits == {
        "train": after.result.n_train,
        "validation": after.result.n_validation,
        "test": after.result.n_test,
    }

    script = TASK.export(after.path, "script", tmp_path / "script") / "train.py"
    ended = alone.run(script, data, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    value = re.findall(r"balanced accuracy (\S+)", ended.stdout)[-1]
    assert float(value) == pytest.approx(after.result.value, abs=1e-12)


def test_everything_dropped_is_a_sentence(data: Path, tmp_path: Path) -> None:
    gone = {f"{label}/{n:02d}.png": None for label in TINY_VISION.classes for n in range(EACH) if label != "red"}
    settings = {"image_size": 64, "corrections": json.dumps(gone)}
    recipe = Recipe(TASK.info.name, str(data), "test_resnet", Strategy.FEATURES, settings=settings)
    made = RunFolder.create(recipe, tmp_path / "run")
    assert worker.execute(made) == worker.WRONG_INPUT
    assert "all 12 usable images are of one class, 'red'" in made.state[1]


def test_on_the_command_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "corrections.json"
    file.write_text(json.dumps(PUT_RIGHT), encoding="utf-8")
    command = ["fit", TASK.info.name, "--data", str(data), "--model", "test_resnet", "--epochs", "1"]
    command += ["--set", "image_size=64", "--set", "views=1", "--out", str(tmp_path / "run"), "--set"]
    monkeypatch.setattr("sys.argv", ["engines", *command, f"corrections=@{file}.not"])
    assert main() == 2
    assert "this file cannot be read" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["engines", *command, f"corrections=@{file}"])
    assert main() == 0
    made = RunFolder(tmp_path / "run")
    assert json.loads(made.recipe.settings["corrections"]) == PUT_RIGHT
    assert pq.read_table(made.path / "predictions.parquet").num_rows > 0
