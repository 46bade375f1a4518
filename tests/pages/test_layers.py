"""What changed inside, on the page: a sentence where nothing did, and three plots once somebody has asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import paths, runs
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, shown, text

VISION = "pages/vision.py"


def stage(name: str, similarity: float, moved: float) -> dict[str, Any]:
    bounds = {"value": 0.8, "low": 0.7, "high": 0.9}
    return {"name": name, "similarity": similarity, "moved": moved, "before": bounds, "after": bounds}


KNOWN = {
    "changed": True,
    "stages": [stage("stem", 1.0, 0.0), stage("1", 0.91, 0.004)],
    "difference": {"value": 0.0, "low": -0.1, "high": 0.1},
    "n": 37,
    "n_learn": 149,
    "began": "pretrained",
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """In which every block learnt, and whose data are still there."""
    run = finished_run.write(paths.runs() / runs.new_id())
    result = run.result
    assert result is not None
    run.write("result.json", replace(result, strategy="full").to_json())
    run.write("recipe.json", replace(run.recipe, data=str(tmp_path)).to_json())
    return run


def test_it_is_looked_into_once_and_drawn_with_a_sentence_a_plot(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], progress: Any) -> dict[str, Any]:
        asked.append(question)
        progress(16, 186)
        run.write("layers.json", json.dumps(KNOWN))
        return KNOWN

    monkeypatch.setattr(client, "ask", ask)
    at = opened(VISION, run=run.id)
    plots = shown(at, "plotly_chart")
    assert asked == []
    press(at, "Look inside")
    assert asked == [{"verb": "layers", "run": run.address}]
    assert shown(at, "plotly_chart") == plots + 3
    for said in (
        "1 of 2 stages see your photographs much as before",
        "Weights moved most in stage 1, by 0.4 % of their size",
        "no difference that 37 photographs can show",
        "not evidence",
    ):
        assert said in text(at)
    at = opened(VISION, run=run.id)
    assert shown(at, "plotly_chart") == plots + 3
    assert len(asked) == 1
    assert "Look inside" not in text(at)


def test_where_only_a_head_learnt_it_says_so_and_asks_nobody() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened(VISION, run=run.id)
    assert "Nothing changed inside" in text(at)
    assert "Look inside" not in text(at)


def test_without_its_data_it_cannot_be_looked_into(run: RunFolder) -> None:
    run.write("recipe.json", replace(run.recipe, data="/nowhere/photographs.zip").to_json())
    at = opened(VISION, run=run.id)
    assert "changed inside" not in text(at)
