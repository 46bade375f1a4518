"""Where a comparison is asked for: on a result of one seed, and before anything is trained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import Job, Strategy
from engines.contract.errors import InputError
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import File, checked, opened, press, text
from tests.pages.test_strategy_step import chosen
from ui.comparisons import data_needed
from ui.page import uploads, visitor
from ui.page.draft import Draft

VISION = "pages/vision.py"
ROBOT = {"robot": "pendulum", "kind": "target", "models": ["pendulum"], "target": {}}
DRAFT = Draft("vision.classification", finished_run.MODEL, Strategy.FEATURES, {})


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What was sent to the queue, which takes nothing."""
    found: list[Job] = []

    class Queue:
        def submit(self, job: Job) -> str:
            found.append(job)
            return RunFolder.create(job).id

    monkeypatch.setattr(visitor, "backend", Queue)
    return found


# --- make sure ------------------------------------------------------------------------------------


def test_a_result_of_one_seed_offers_to_make_sure_with_its_time(submitted: list[Job]) -> None:
    run = finished_run.write(paths.runs() / runs.new_id(), verdict=None)
    assert "It trains both 5 times, about 3 min 26 s at most." in text(opened(VISION, run=run.id))
    run.write("trials/all-0-features.json", "{}")
    at = opened(VISION, run=run.id)
    assert "It trains both 4 times more, about 2 min 45 s at most." in text(at)
    press(at, "Make sure")
    (job,) = submitted
    assert (job.verb, job.arguments) == ("compare", {"budgets": [], "seeds": 5, "first": run.id})
    assert (job.recipe.settings, job.recipe.seed) == (run.recipe.settings, run.recipe.seed)
    assert at.query_params["run"] != [run.id], "it leads to the page of the comparison"
    assert "A comparison." in text(at)


def test_what_rests_on_several_seeds_or_was_recorded_has_nothing_to_make_sure_of() -> None:
    run = finished_run.write(paths.runs() / runs.new_id(), verdict="pays")
    assert "Make sure" not in text(opened(VISION, run=run.id))
    assert "Make sure" not in text(opened(VISION))


# --- how much data --------------------------------------------------------------------------------


def test_before_training_it_is_said_what_the_test_can_show() -> None:
    report = checked("vision.classification", splits={"train": 149, "validation": 37, "test": 62})
    assert data_needed.can_show(DRAFT, report) == (
        "With 62 test photographs, a gain of about 17 points can be shown. For 5 points it takes about 1,500."
    )
    large = checked("vision.classification", splits={"train": 9000, "validation": 900, "test": 5000})
    assert data_needed.can_show(DRAFT, large) == "With 5,000 test photographs, a gain of about 2 points can be shown."
    other = Draft("speech.transcription", "whisper-tiny.en", Strategy.PARTIAL, {})
    assert data_needed.can_show(other, checked("speech.transcription")) == "", "words are not right or wrong a clip"


def test_budgets_are_spread_by_their_ratio_and_read_as_they_are_typed() -> None:
    assert data_needed.spread(10, 1000) == [10, 100, 1000]
    assert data_needed.spread(10, 149) == [10, 39, 149]
    assert data_needed.read("60, 20,20 ", 10, 149) == [20, 60]
    for wrong in ("", "ten", "5, 20", "20, 900", "-20"):
        with pytest.raises(InputError, match="accepted: whole numbers from 10 to 149"):
            data_needed.read(wrong, 10, 149)


def test_the_strategy_step_asks_for_a_learning_curve_with_its_cost(
    monkeypatch: pytest.MonkeyPatch, submitted: list[Job]
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    monkeypatch.setattr(data_needed.plan, "hindrance", lambda _: "")
    splits = {"train": 120, "validation": 30, "test": 60}
    at = chosen("vision.classification", {"a": 60, "b": 60}, splits=splits)
    page = text(at)
    assert "With 60 test photographs, a gain of about" in page
    assert "At most 30 trainings, about" in page
    assert at.text_input(key="compare_budgets").value == "10, 39, 150"
    at.text_input(key="compare_budgets").set_value("20, 120").run()
    at.slider(key="compare_seeds").set_value(3).run()
    assert "At most 12 trainings, about" in text(at)
    press(at, "Find out")
    (job,) = submitted
    assert (job.verb, job.arguments) == ("compare", {"budgets": [20, 120], "seeds": 3})


@pytest.mark.parametrize(
    ("task", "details", "unit", "spread"),
    [
        (
            "forecasting.forecast",
            {"budget": {"low": 44, "high": 96, "unit": "values of history"}},
            "Values",
            "44, 65, 96",
        ),
        (
            "control.policy",
            {"budget": {"low": 100, "high": 1000, "unit": "real steps"}, **ROBOT},
            "Real",
            "100, 320, 1000",
        ),
        ("speech.speaker", {"budget": {"low": 10, "high": 51, "unit": "seconds of speech"}}, "Seconds", "10, 23, 51"),
    ],
)
def test_what_is_not_counted_in_examples_is_asked_for_in_its_own_unit(
    task: str, details: dict[str, Any], unit: str, spread: str, monkeypatch: pytest.MonkeyPatch, submitted: list[Job]
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    monkeypatch.setattr(data_needed.plan, "hindrance", lambda _: "")
    data = uploads.keep([File("data.csv", b"1")], (".csv",))
    report = checked(task, classes={}, details=details)
    (uploads.folder(data) / "report.json").write_text(json.dumps(report))
    at = opened(f"pages/{task.split('.')[0]}.py", data=data, step="strategy", task=task, strategy="full")
    field = at.text_input(key="compare_budgets")
    assert (field.label, field.value) == (f"{unit} {details['budget']['unit'].partition(' ')[2]} to learn from", spread)
    assert "At most 30 trainings, about" in text(at)
    press(at, "Find out")
    (job,) = submitted
    assert job.arguments["budgets"] == [int(number) for number in spread.split(", ")]


@pytest.mark.parametrize(("task", "query"), [("forecasting.forecast", {}), ("text.sentiment", {"strategy": "scratch"})])
def test_where_nothing_can_be_compared_by_examples_it_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, task: str, query: dict[str, Any]
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    at = chosen(task, {"a": 60, "b": 60}, splits={"train": 120, "validation": 30, "test": 60}, **query)
    assert "Find out" not in text(at)
