"""Find the best: asked for, watched while it goes on, and what it came to; and several choices at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, registry, runs
from engines.contract import Job, State, Strategy
from engines.runs import RunFolder
from engines.search import told
from engines.search.plan import Plan
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from tests.pages.test_comparison_asked_for import submitted
from tests.pages.test_comparison_page import queued
from tests.pages.test_strategy_step import chosen, machine
from ui.search import board, figures, offer

__all__ = ["machine", "submitted"]
VISION = "pages/vision.py"
WAYS = (
    ("features", {}, 0.80, "done"),
    ("full", {"learning_rate": 1e-4}, 0.86, "done"),
    ("lora", {"lora_rank": 4}, 0.83, "done"),
    ("partial", {}, None, "dropped"),
)


def rows() -> list[dict[str, Any]]:
    known = {"model": finished_run.MODEL, "n": 40, "seconds": 4.2, "trainable": 5124, "parameters": 3_376_132}
    return [
        {
            **known,
            "number": number,
            "strategy": strategy,
            "settings": settings,
            "ending": ending,
            "value": value,
            "low": value and value - 0.1,
            "high": value and value + 0.08,
            "epochs": 3,
            "planned": 12,
            "why": "" if value else "Others were better after 3 of 12 passes.",
        }
        for number, (strategy, settings, value, ending) in enumerate(WAYS)
    ]


def started(data: Path) -> RunFolder:
    job = Job(finished_run.recipe(data=str(data), settings={}), "search", Plan(60.0).arguments())
    run = RunFolder.create(job, paths.runs() / runs.new_id())
    for row in rows():
        run.emit("trial", **row)
    run.emit(
        "progress",
        phase="searching",
        done=30,
        total=60,
        unit="seconds",
        spent=30.0,
        seconds_left=30.0,
        trials=len(WAYS),
    )
    return run


def answer(**own: Any) -> dict[str, Any]:
    def tested(strategy: str, settings: dict[str, Any], value: float, seconds: float) -> dict[str, Any]:
        known = {"strategy": strategy, "model": finished_run.MODEL, "settings": settings, "seconds": seconds}
        return known | {"value": value, "low": value - 0.05, "high": value + 0.04}

    found = {
        "tried": sorted(rows(), key=lambda row: -(row["value"] or 0)),
        "mattered": {"choice": {"strategy": 0.7, "model": 0.3}, "settings": {}},
        "improved": False,
        "kept_default": False,
        "confirmed": {"sure": False, "p": 0.31, "trials": 2, "n": 40},
        "too_few": "",
        "chosen_on": 40,
        "best": tested("full", {"learning_rate": 1e-4}, 0.871, 12.0),
        "default": tested("features", {}, 0.85, 4.0),
        "difference": {"value": 0.021, "low": -0.004, "high": 0.048, "n": 60, "seeds": 1},
        "trials": len(WAYS),
        "seconds": 55.0,
        **own,
    }
    return {**found, "sentence": told.sentence(found, registry.task(finished_run.TASK).info.metric)}


def test_it_fills_while_it_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = started(tmp_path)
    queued(monkeypatch, run, State.RUNNING)
    at = opened(VISION, run=run.id)
    assert "Bars: 95 % intervals, on the examples that choose, not on the test." in text(at)
    assert "Cancel" in text(at)
    (table,) = at.dataframe
    assert list(table.value["ended"]) == ["to the end"] * 3 + ["dropped early"]
    assert list(table.value["time"]) == ["4 s"] * 4


def test_what_it_came_to_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = started(tmp_path)
    run.write("search.json", json.dumps(answer()))
    queued(monkeypatch, run)
    at = opened(VISION, run=run.id)
    page = text(at)
    plain = page.replace("\\", "")
    assert (
        f"full on {finished_run.MODEL} with learning_rate 0.0001: +2.1 points over the default (95 % interval -0.4 to "
        "+4.8, 60 test examples, one seed; higher is better): within noise. The default was 3.0 times as fast." in plain
    )
    assert "4 trials were compared on 40 examples that choose. The 60 test examples were looked at once" in plain
    assert "Not finished: 1 dropped early" in plain
    assert "the luckiest would come as far ahead in 31% of draws" in plain
    assert len(at.get("plotly_chart")) == 3, "leaderboard, parallels, what mattered"
    assert "Train the winner as a run of its own" in page
    assert board.in_short(run) == f"4 tried: full on {finished_run.MODEL} with learning_rate 0.0001"


def test_the_winner_is_trained_as_a_run_of_its_own(submitted: list[Job], tmp_path: Path) -> None:
    run = started(tmp_path)
    run.write("search.json", json.dumps(answer()))
    run.set_state(State.DONE, "Done.")
    press(opened(VISION, run=run.id), "Train the winner as a run of its own")
    (job,) = submitted
    assert (job.verb, job.recipe.strategy) == ("fit", Strategy.FULL)
    assert job.recipe.settings == {"learning_rate": 1e-4}


def test_a_default_that_stays_is_said_to() -> None:
    kept = answer(kept_default=True, confirmed=None)
    assert kept["sentence"].startswith("The default, features on ")
    assert "none of 3 other trials was better on the 40 examples that choose" in kept["sentence"]
    assert told.judged(answer(improved=True), registry.task(finished_run.TASK).info.metric) == "better than the default"
    ahead = answer(difference={"value": 0.03, "low": 0.01, "high": 0.05, "n": 60, "seeds": 1})
    assert "not surely where it was chosen, so nothing is claimed" in ahead["sentence"]


@pytest.fixture
def at_strategy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    """The Strategy step over data that were checked, on a machine that has every model."""
    monkeypatch.setattr("engines.weights.find", lambda _card: tmp_path)
    return chosen(finished_run.TASK, {"a": 20, "b": 20})


def test_it_is_asked_for_on_the_strategy_step(at_strategy: AppTest, submitted: list[Job]) -> None:
    at = at_strategy
    assert "The test is looked at once, at the end" in text(at)
    at.button(key="search_start").click()
    at.run()
    assert not at.exception
    (job,) = submitted
    assert job.verb == "search"
    assert job.arguments == Plan(600.0).arguments()
    assert "baseline" not in job.recipe.settings


def test_several_are_submitted_at_once(at_strategy: AppTest, submitted: list[Job]) -> None:
    at = at_strategy
    assert at.button(key="several_start").disabled
    at.multiselect(key="several_strategies").set_value([Strategy.FEATURES, Strategy.FULL, Strategy.LORA])
    at.run()
    assert at.button(key="several_start").label == "Train all 3 runs"
    at.button(key="several_start").click()
    at.run()
    assert not at.exception
    assert [job.recipe.strategy for job in submitted] == [Strategy.FEATURES, Strategy.FULL, Strategy.LORA]
    beside = at.session_state[offer.BESIDE]
    assert [len(others) for others in beside.values()] == [2]


def test_lines_have_an_axis_a_choice_and_those_left_alone_stand_at_its_foot() -> None:
    trials = [board.Tried.of(row) for row in rows()]
    (trace,) = figures.parallel(trials, "accuracy", higher_is_better=True)["data"]
    axes = {axis["label"]: axis for axis in trace["dimensions"]}
    assert list(axes) == ["model", "strategy", "learning_rate", "lora_rank", "accuracy"]
    assert axes["learning_rate"]["ticktext"] == ["default", "0.0001"]
    assert len({len(axis["values"]) for axis in axes.values()}) == 1
    assert not figures.parallel(trials[:2], "accuracy", higher_is_better=True)["data"]
