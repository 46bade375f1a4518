"""The Model step answers which model fits the data, and its answer can be followed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import registry
from engines.contract import InputError, Problem
from engines.evidence import graded
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages.opening import press, text
from tests.pages.test_strategy_step import chosen
from ui.page import rankings
from ui.page.draft import Draft, knows
from ui.widgets.ranking import QUESTION

TASK, NET = "vision.classification", "tf_efficientnet_lite0"


def row(depth: int, rank: int, *, apart: bool) -> dict[str, Any]:
    score = 1.2 - rank / 5
    return {
        "name": NET,
        "title": "EfficientNet-Lite0",
        "depth": depth,
        "stages": 8,
        "score": score,
        "low": score - 0.1,
        "high": score,
        "rank": rank,
        "told_apart": apart,
        "expected": {"value": 0.8, "error": 0.1},
        "gain": None,
    }


def answered(best: int) -> dict[str, Any]:
    return {
        "models": [row(best, 1, apart=False), row(8 if best != 8 else 7, 2, apart=True)],
        "by": "features",
        "said": ["EfficientNet-Lite0 comes first.", "Expect about 0.80 ± 0.10."],
        "left_out": [],
        "sha256": "a",
        "n": 20,
        "seed": 0,
    }


def opened(monkeypatch: pytest.MonkeyPatch, best: int, **query: str) -> AppTest:
    def ask(question: dict[str, Any], progress: Any = None, **_: Any) -> dict[str, Any]:
        if question["verb"] != "rank":
            return {"macs_per_second": 1e10, "device_name": "a test"}
        progress(10, 20)
        progress(20, 20)
        return answered(best)

    monkeypatch.setattr(client, "ask", ask)
    return chosen(TASK, {"a": 20, "b": 20}, step="model", **query)


def test_the_answer_is_asked_for_once_and_says_what_to_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(monkeypatch, best=8)
    assert "The test part stays unseen." in text(at)
    press(at, QUESTION)
    assert "Expect about 0.80 ± 0.10." in text(at)
    assert len(at.get("plotly_chart")) == 1
    assert "That is the one you have chosen." in text(at)
    at.run()
    assert "Expect about 0.80 ± 0.10." in text(at)


def test_a_depth_that_wins_is_taken_where_it_can_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(monkeypatch, best=5, model="resnet18")
    press(at, QUESTION)
    follows = knows(registry.task(TASK).settings, "depth")
    press(at, "Take the features at block 5" if follows else "Choose EfficientNet-Lite0")
    assert at.query_params["model"] == NET
    assert ("depth:5" in str(at.query_params.get("set"))) is follows


def test_what_cannot_be_ranked_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise InputError(Problem("photographs.zip", "one photograph a class", "accepted: two"))

    at = opened(monkeypatch, best=8)
    monkeypatch.setattr(client, "ask", refuse)
    press(at, QUESTION)
    assert "one photograph a class" in at.warning[0].value


def test_a_run_that_is_started_then_carries_its_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(monkeypatch, best=5)
    press(at, QUESTION)
    data = at.query_params["data"]
    draft = Draft(TASK, NET, registry.task(TASK).info.usual, {}, data=data, path="/nowhere")
    run = RunFolder.create(draft.recipe())
    rankings.leave_forecast(draft, run)
    forecast = json.loads((run.path / graded.FILE).read_text())
    assert (forecast["model"], forecast["depth"], forecast["expected"]["value"]) == (NET, 0, 0.8)
