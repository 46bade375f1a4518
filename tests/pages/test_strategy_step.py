"""What the strategy step offers and draws, for tasks with classes and for those without."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import registry
from engines.jobs import serving
from tests.pages.opening import File, opened, text
from ui import drawing, uploads

PAGES = {name: f"pages/{name.split('.')[0]}.py" for name in registry.TASKS}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was drawn of networks: stages, which of them learn, parameters of the head."""
    found: list[tuple[Any, ...]] = []
    real = drawing.network

    def network(stages: Any, learns: Any, head: int, **options: Any) -> str:
        found.append((stages, learns, head))
        return real(stages, learns, head, **options)

    monkeypatch.setattr(drawing, "network", network)
    return found


def chosen(task: str, classes: dict[str, int], **query: str) -> AppTest:
    """The strategy step over data of that task that were checked."""
    data = uploads.keep([File("data.csv", b"1")], (".csv",))
    report = {
        "task": task, "data": "", "n_examples": 40, "classes": classes, "sha256": "0", "skipped": [], "notes": [],
        "splits": {"train": 20, "validation": 10, "test": 10}, "gallery": [], "details": {},
    }  # fmt: skip
    (uploads.folder(data) / "report.json").write_text(json.dumps(report))
    return opened(PAGES[task], data=data, step="strategy", task=task, **query)


@pytest.mark.parametrize("task", sorted(registry.TASKS))
def test_only_settings_that_mean_something_are_shown(task: str) -> None:
    at = chosen(task, {"a": 20, "b": 20})
    keys = {widget.key or "" for kind in (at.text_input, at.selectbox, at.toggle) for widget in kind}
    shown = {key.removeprefix("set_") for key in keys if key.startswith("set_")}
    settings = registry.task(task).settings
    elsewhere = {"baseline", "blocks", *settings.reading()}
    assert shown == {field.name for field in dataclasses.fields(settings)} - settings.hidden - elsewhere
    offers_scratch = "scratch" in (settings.__dataclass_fields__["baseline"].metadata["choices"] or ())
    assert ("baseline_toggle" in keys) == offers_scratch


def test_forecasting_shows_nothing_about_classes() -> None:
    at = chosen("forecasting.forecast", {})
    keys = {widget.key for kind in (at.text_input, at.selectbox, at.toggle) for widget in kind}
    assert not keys & {"set_balance", "set_views", "set_label_smoothing", "set_folds", "set_test_fraction"}


def test_a_head_that_came_with_the_model_is_counted_as_it_is(drawn: list[tuple[Any, ...]]) -> None:
    at = chosen("forecasting.forecast", {}, strategy="features")
    assert drawn[-1][1:] == ([False, False, False], 585)
    assert "**:orange[585]** of 85,001 parameters learn" in text(at)


def test_a_new_head_has_an_output_a_class(drawn: list[tuple[Any, ...]]) -> None:
    chosen("vision.classification", {"a": 20, "b": 10, "c": 10})
    assert drawn[-1][2] == 1281 * 3


def test_a_model_without_a_head_of_its_own_is_drawn_without_one(drawn: list[tuple[Any, ...]]) -> None:
    at = chosen("text.generation", {}, strategy="partial")
    stages, learns, head = drawn[-1]
    assert head == 0
    assert drawing.network(stages, learns, head).count("<g") == 2 * len(stages)  # wide and narrow
    assert "parameters learn" in text(at)
