"""Run folders that older versions wrote: read as they are, and resumed where they stopped."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines import paths
from engines.contract import InputError, Recipe, Result
from engines.contract.files import SCHEMA
from engines.jobs import worker
from engines.runs import RunFolder
from tests.contract.tiny import TINY

OLD = Path(__file__).parent / "old_runs" / "vision-0.1.zip"
"""Version 0.1: a head on frozen features, cancelled after 5 of 12 epochs; and what 0.1 itself came to when it went on.
Made with the contract suite's tiny network and pictures, on which this test trains too."""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """The folder as it was found, its data beside it."""
    tiny, folder = TINY["vision.classification"], tmp_path / "run"
    (tmp_path / "models").mkdir()
    tiny.write_weights(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    data = tiny.write_data(tmp_path / "data")
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(folder)
    recipe = (folder / "recipe.json").read_text(encoding="utf-8")
    assert "schema" not in json.loads(recipe)
    (folder / "recipe.json").write_text(recipe.replace("DATA", str(data)), encoding="utf-8")
    return RunFolder(folder)


@pytest.mark.usefixtures("one_thread")
def test_a_run_of_version_0_1_goes_on_to_the_same_numbers(old: RunFolder) -> None:
    expected = json.loads((old.path / "expected.json").read_text(encoding="utf-8"))
    learnt = [event.data["epoch"] for event in old.events() if event.kind == "epoch"]
    assert learnt == [1, 2, 3, 4, 5]
    old.clear_cancel()
    before = len(old.events())
    assert worker.execute(old) == worker.DONE, old.state
    notes = [event.data["message"] for event in old.events() if event.kind == "note"]
    assert "Resumed head after epoch 5." in notes
    assert not any("starts over" in note for note in notes)
    resumed = [e.data["epoch"] for e in old.events()[before:] if e.kind == "epoch" and e.data["phase"] == "head"]
    assert resumed == [6, 7, 8, 9, 10, 11, 12]
    assert old.result is not None
    assert old.result.value == expected["value"]
    rows = {row["file"]: row for row in pq.read_table(old.path / "predictions.parquet").to_pylist()}
    for file, probabilities in expected["predictions"].items():
        assert {name: rows[file][name] for name in probabilities} == pytest.approx(probabilities, abs=1e-4), file


def test_recorded_runs_of_version_0_1_are_read() -> None:
    results = paths.showcase().glob("*/result.json")
    folders = [path.parent for path in results if "schema" not in json.loads(path.read_text(encoding="utf-8"))]
    assert len(folders) >= 6
    for folder in folders:
        run = RunFolder(folder)
        assert run.result is not None
        assert run.result.comparison == "done"
        assert run.recipe.task == run.result.task
        assert run.job.verb == "fit"


def test_a_file_of_a_newer_version_is_a_sentence(old: RunFolder) -> None:
    (result,) = (path for path in [next(paths.showcase().glob("*/result.json"))])
    for kind, text, name in (
        (Recipe, (old.path / "recipe.json").read_text(encoding="utf-8"), "recipe.json"),
        (Result, result.read_text(encoding="utf-8"), "result.json"),
    ):
        newer = json.loads(text) | {"schema": SCHEMA + 1, "colour": "green"}
        sentence = rf"^{name}: a newer Headstart has written it \(schema {SCHEMA + 1}, with colour\); accepted: schema "
        with pytest.raises(InputError, match=sentence):
            kind.from_json(json.dumps(newer))
        assert kind.from_json(json.dumps(json.loads(text) | {"schema": SCHEMA + 1})) == kind.from_json(text)


def test_a_recipe_says_its_schema_and_comes_back(old: RunFolder) -> None:
    recipe = old.recipe
    assert json.loads(recipe.to_json())["schema"] == SCHEMA
    assert Recipe.from_json(recipe.to_json()) == recipe
    shutil.rmtree(old.path)
