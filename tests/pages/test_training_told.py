"""What a result tells of its training: how a learning rate was found, and whether fine-tuning was worth it."""

from __future__ import annotations

import pytest

from engines import paths, runs
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.test_pages import VISION, opened, shown, text
from ui.page import words


@pytest.fixture
def run() -> RunFolder:
    return finished_run.write(paths.runs() / runs.new_id())


def test_the_learning_rate_test_is_drawn(run: RunFolder) -> None:
    before = shown(opened(VISION, run=run.id), "plotly_chart")
    run.emit("search", phase="head", learning_rate=0.0021, points=[[1e-6, 1.4], [1e-3, 1.1], [0.1, 1.9]])
    run.write("result.json", (run.path / "result.json").read_text())
    at = opened(VISION, run=run.id)
    assert "Learning rate of the head: **0.0021**." in text(at)
    assert shown(at, "plotly_chart") == before + 1


@pytest.mark.parametrize("told", [{"side": "worse"}, {"side": "unclear"}, {"verdict": "hurts"}])
def test_fine_tuning_that_did_worse_than_frozen_features_is_said(run: RunFolder, told: dict[str, str]) -> None:
    result = run.result
    assert result is not None
    sentence = "Fine-tuning did worse than frozen features with a new head: -9.0 points."
    result.details["frozen"] = {**told, "text": sentence}
    run.write("result.json", result.to_json())
    at = opened(VISION, run=run.id)
    assert words.plain(sentence) in text(at)
    assert [words.plain(sentence) in warning.value for warning in at.warning] == (
        [] if told == {"side": "unclear"} else [True]
    )
