"""Recorded runs: each has a model that answers, so that a fresh visitor can try it, and is small enough to travel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines import paths, registry
from engines.reporting import comparisons, wording
from engines.runs import RunFolder
from tests.reporting.test_reporting import Reader

MOST_BYTES = 2 << 20
RECORDED = json.loads((paths.showcase() / "index.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: str(entry["id"]))
def test_what_learnt_of_the_model_travels_with_the_run(entry: dict[str, str]) -> None:
    folder = paths.showcase() / entry["id"] / "model"
    assert 0 < sum(file.stat().st_size for file in folder.iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: str(entry["id"]))
def test_its_papers_claim_no_more_than_its_numbers_bear_out(entry: dict[str, str]) -> None:
    """Where this fails after a change of words: python scripts/record_showcase.py --papers."""
    run = RunFolder(paths.showcase() / entry["id"])
    report = (run.path / "report.html").read_text(encoding="utf-8")
    card = (run.path / "README.md").read_text(encoding="utf-8")
    assert len(report) < MOST_BYTES
    result = run.result
    assert result is not None
    metric = registry.task(result.task).info.metric
    for verdict in comparisons.told(result):
        said = wording.sentence(verdict, metric, result.strategy)
        assert said in Reader(report).text
        assert said in card
    claims = [*wording.TRANSFER.values(), *wording.FINE_TUNING.values()]
    assert any(line.scope == "training" for line in comparisons.told(result)) or not [c for c in claims if c in report]


@pytest.mark.weights
@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: str(entry["id"]))
def test_a_recorded_run_loads(entry: dict[str, str]) -> None:
    assert registry.task(entry["task"]).load(paths.showcase() / entry["id"])


@pytest.mark.weights
def test_a_voice_is_known_again(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = paths.showcase() / "recorded_voices_seed_0"
    rows = [row for row in pq.read_table(run / "predictions.parquet").to_pylist() if row["sound"]][:4]
    predictor = registry.task("speech.speaker").load(run)
    assert [predictor.predict(run / row["sound"])[0]["label"] for row in rows] == [row["predicted"] for row in rows]
    exported = registry.task("speech.speaker").export(run, "safetensors", tmp_path / "model")
    assert (exported / "model.safetensors").stat().st_size > 1_000_000
