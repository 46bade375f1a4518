"""What a run costs, said before it starts and after it has ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engines.contract import Strategy
from engines.cost import rates, timed_steps
from engines.cost.forecast import Forecast
from engines.cost.rates import Kind, Took
from engines.jobs.serving import client
from tests.pages.opening import File, checked, opened, text
from tests.pages.test_strategy_step import PAGES
from ui.page import uploads
from ui.steps import cost

DETAILS: dict[str, dict[str, Any]] = {
    "forecasting.forecast": {"n_series": 3},
    "control.policy": {"robot": "pendulum", "kind": "target", "models": ["pendulum"], "target": {}},
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "CPU, 2 threads"})


def strategy_step(task: str, **query: str) -> str:
    data = uploads.keep([File("data.csv", b"1")], (".csv",))
    report = checked(task, classes={}, details=DETAILS[task])
    (uploads.folder(data) / "report.json").write_text(json.dumps(report))
    at = opened(PAGES[task], data=data, step="strategy", task=task, **query)
    return text(at)


@pytest.mark.parametrize("task", sorted(DETAILS))
def test_the_time_is_said_before_training_by_phase(task: str) -> None:
    page = strategy_step(task, set="baseline:scratch")
    assert "on this machine (CPU, 2 threads), and " in page
    assert " more for the comparison" in page
    assert "Starting and reading the data 6 s · " in page
    assert "no run of this kind has finished here yet" in page


@pytest.mark.parametrize(
    ("task", "model", "strategy"),
    [("forecasting.forecast", "fracast", "partial"), ("control.policy", "pendulum", "identified")],
)
def test_runs_that_finished_here_correct_it(task: str, model: str, strategy: str) -> None:
    kind = Kind(task, model, strategy, "cpu", "auto")
    for pace in (20.0, 10.0, 1000.0, 9.0, 11.0):
        rates.learn(Took(kind, {"start": (6.0, 6.0 * pace)}, memory=1_300_000_000))
    page = strategy_step(task, strategy=strategy)
    assert "Starting and reading the data 1 min 6 s · " in page  # the median
    assert "From 5 runs of this model here: at their pace " in page
    assert "About 1.3 GB of memory, as those took." in page


def test_what_a_forecast_rests_on() -> None:
    assert cost.grounds(Forecast({}, 0)).startswith("From a probe of this machine")
    assert cost.grounds(Forecast({}, 1, "model")) == "From 1 run of this model here."
    assert (
        cost.grounds(Forecast({}, 4, "strategy", 30.0, 60.0))
        == "From 4 runs of other models here: at their pace 30 s to 1 min in all."
    )
    assert cost.grounds(Forecast({}, 2, "task", 30.2, 29.9)).startswith(
        "From 2 runs with other choices here: at their pace 30 s"
    )


def test_before_any_run_some_real_steps_are_timed_once_and_correct_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], progress: Any = None, **_: Any) -> dict[str, Any]:
        if question["verb"] == "steps":
            asked.append(question)
            progress(0, 1)
            timed_steps.keep("these", {"training": 2.0, "encoding": 2.0})
        return {"macs_per_second": 56e9, "device_name": "CPU, 2 threads"}

    monkeypatch.setattr(client, "ask", ask)
    monkeypatch.setattr(timed_steps, "key", lambda *_: "these")
    page = strategy_step("forecasting.forecast", strategy="full")
    assert "From some real steps on your data, timed just now" in page
    assert "Timing some real steps" not in page, "the bar is gone"
    (question,) = asked
    assert (question["task"], question["strategy"]) == ("forecasting.forecast", "full")
    assert question["report"]["details"] == {"n_series": 3}
    strategy_step("forecasting.forecast", strategy="full")
    assert len(asked) == 1, "they are known now"


def bill(**own: Any) -> dict[str, Any]:
    phases = {"training": {"said": 34.0, "took": 45.0}, "keeping": {"said": None, "took": 7.0}}
    found = {"said": 40.0, "low": 30.0, "high": 60.0, "runs": 5, "alike": "model", "took": 52.0, "phases": phases}
    return {**found, "memory": 1_200_000_000, "gpu_memory": None, "energy": {}, **own}


def test_what_was_said_stands_beside_what_it_took() -> None:
    assert cost.told(None) == []
    assert cost.told(bill()) == [
        "Said 40 s, from 5 runs here; took **52 s**: 30 % more.",
        "Training: 45 s, said 34 s",
        "Keeping and explaining: 7 s",
        "Memory at the peak: 1.2 GB",
        "Energy: not measurable here, no counter can be read",
    ]
    assert cost.told(bill(runs=0, took=20.0))[0] == "Said 40 s, from a probe of this machine; took **20 s**: 50 % less."
    assert cost.told(bill(took=40.1))[0].endswith("took **40 s**: just as said.")
    assert cost.told(bill(said=None))[0].startswith("It took **52 s**; nobody could say so before")
    assert cost.told(bill(resumed=True))[0] == "It took **52 s** since it was resumed."
    energy = cost.told(bill(energy={"processor": 3600.0, "gpu": 7200.0}))[-1]
    assert energy == "Energy: 1 Wh (processor) and 2 Wh (gpu), by all that ran on this machine meanwhile"


def test_zero_shot_has_a_time_too() -> None:
    assert "on this machine" in strategy_step("control.policy", strategy=Strategy.ZERO_SHOT)
