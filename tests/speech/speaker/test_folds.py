"""Voices tested in folds: what shares a recording stays together, and nothing is measured on what was learnt from."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines import registry
from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from tests import tiny_speech

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = "speech.speaker"


@pytest.fixture
def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Clips of a few voices, the first of which lies there twice."""
    tiny_speech.write_models(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    data = tiny_speech.write_voices(tmp_path / "data")
    table = (data / "metadata.csv").read_text(encoding="utf-8")
    row = table.splitlines()[1]
    (data / "again.ogg").write_bytes((data / row.partition(",")[0]).read_bytes())
    (data / "metadata.csv").write_text(f"{table}again.ogg,{row.partition(',')[2]}\n", encoding="utf-8")
    return data


def test_copies_of_a_clip_are_tested_in_one_fold(voices: Path, tmp_path: Path) -> None:
    task = registry.task(TASK)
    recipe = Recipe(TASK, str(voices), "ge2e", Strategy.FEATURES, settings={"folds": 5})
    study = task.open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    study.before()
    prepared = study.prepared  # type: ignore[attr-defined]
    report = task.check(voices)
    assert len(prepared.folds) == report.details["folds"] == 5
    assert len(set(prepared.groups)) == report.n_examples - 1
    assert sorted(i for fold in prepared.folds for i in fold["test"]) == list(range(report.n_examples))
    for fold in prepared.folds:
        assert not {prepared.groups[i] for i in fold["test"]} & {prepared.groups[i] for i in fold["train"]}


@pytest.mark.parametrize("strategy", [Strategy.FEATURES, Strategy.PARTIAL])
def test_an_encoder_that_learnt_from_every_clip_is_not_verified_on_them(
    voices: Path, strategy: Strategy, tmp_path: Path
) -> None:
    recipe = Recipe(TASK, str(voices), "ge2e", strategy, settings={"epochs": 1, "folds": 2})
    run = RunFolder.create(recipe, tmp_path / "run")
    assert worker.execute(run) == worker.DONE, run.state
    assert run.result is not None
    found = run.result.details["verification"]
    assert found["before"]["n_same"] > 0
    assert (found["after"] is None) == (found.get("why") == "This encoder has learnt from every clip.")
    assert (found["after"] is None) == (strategy is Strategy.PARTIAL)
