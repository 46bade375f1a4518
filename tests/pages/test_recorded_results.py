"""What the pages say of every run that is recorded with the project: nothing that its numbers do not bear out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, registry
from engines.contract import Result
from engines.reporting import comparisons, wording
from engines.runs import RunFolder
from tests.pages.opening import opened
from ui.page.recorded import finished
from ui.steps.result import network

INDEX = json.loads((paths.PROJECT / "showcase" / "index.json").read_text(encoding="utf-8"))
RUNS = [entry["id"] for entry in INDEX]


def recorded(run_id: str) -> tuple[Result, AppTest]:
    run = RunFolder.find(run_id)
    result = run.result
    assert result is not None
    return result, opened(f"pages/{run.recipe.task.split('.')[0]}.py", run=run_id)


def card(at: AppTest) -> list[Any]:
    """What stands in the verdict's card, from the top."""
    blocks = [at.main]
    while blocks:
        block = blocks.pop()
        if getattr(block.proto, "id", "").endswith("-verdict"):
            return list(block)
        blocks += [child for child in block.children.values() if hasattr(child, "children")]
    raise AssertionError("there is no verdict")


def written(elements: list[Any]) -> list[str]:
    return [element.value for element in elements if element.type in {"markdown", "caption"}]


@pytest.mark.parametrize("run_id", RUNS)
def test_what_was_compared_comes_first_and_is_right(run_id: str) -> None:
    result, at = recorded(run_id)
    metric = registry.task(result.task).info.metric
    badge, heading, *_ = written(card(at))
    colour = re.match(r":(\w+)-badge", badge)
    assert colour is not None
    came = comparisons.as_it_came(result)
    if came and came.side != "better":
        assert wording.badge(came) in badge
        assert colour[1] != "green"
    if colour[1] == "green":
        apart = re.search(r"[+−][\d.,]+", heading)
        assert apart is not None
        assert metric.higher_is_better == (apart[0][0] == "+")
    assert metric.title in heading
    assert metric.higher_is_better or "lower is better" in heading


@pytest.mark.parametrize("run_id", RUNS)
def test_each_number_of_the_verdict_carries_its_metric_and_direction(run_id: str) -> None:
    result, at = recorded(run_id)
    metric = registry.task(result.task).info.metric
    elements = card(at)
    numbers = [element for element in elements if element.type == "metric" and element.label != "Real steps"]
    assert numbers
    for number in numbers:
        below = elements[elements.index(number) + 1]
        assert below.value.startswith(f"{metric.title}, {wording.direction(metric)}")


@pytest.mark.parametrize("run_id", RUNS)
def test_the_drawn_network_is_the_one_that_was_trained(run_id: str) -> None:
    found = finished(RunFolder.find(run_id))
    assert found is not None
    view = network(found)
    assert view.parameters == found.result.parameters
    assert view.learning in {None, found.result.trainable_parameters}
    assert (view.learning is None) == (found.result.strategy == "lora")


@pytest.mark.parametrize("run_id", RUNS)
def test_training_from_scratch_is_told_with_what_it_was_given(run_id: str) -> None:
    result, at = recorded(run_id)
    if "scratch" not in result.baselines:
        return
    said = "\n".join(written(card(at)))
    if passes := result.baseline_details["scratch"].get("epochs"):
        assert f"From scratch: {passes} passes over the data in " in said
        stopped = {"recorded_films_seed_00"}  # its best pass was the third of ten
        assert ("it had stopped improving" in said) == (run_id in stopped)
    else:
        assert "This run and the one from scratch were given 1,000 real steps each" in said


def test_a_ranking_is_told_in_words_as_it_is_drawn() -> None:
    result, at = recorded("recorded_passengers_00")
    figure = next(
        plot
        for plot in (json.loads(element.proto.spec) for element in at.get("plotly_chart"))
        if plot["layout"]["xaxis"]["title"]["text"] == "MASE"
    )
    drawn = figure["data"][0]["y"][::-1]  # from the top
    ranked = sorted(result.details["ranking"]["rows"], key=lambda row: row["mase"])
    assert drawn == [row["title"] for row in ranked]
    said = next(caption.value for caption in at.caption if "First: " in caption.value)
    assert f"First: {drawn[0]}; not told apart from it: {drawn[1]}, {drawn[2]}." in said


def test_the_passengers_do_not_pass_for_a_success_of_fine_tuning() -> None:
    _, at = recorded("recorded_passengers_00")
    badge, heading, *_ = written(card(at))
    assert badge == ":yellow-badge[:material/help: Not told apart from the model as it came, reading the chosen inputs]"
    assert heading.startswith("### MASE −0.0403 (lower is better) against the model as it came")
