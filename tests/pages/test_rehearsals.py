"""What a run would be refused for is said on the step where it is started, and nothing of it is queued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines import registry
from engines.contract import InputError, Job, Problem, Strategy
from engines.jobs.serving import client, handlers
from tests import tiny_control
from tests.pages.opening import opened, press, text
from tests.pages.test_before_a_run import button, submitted
from tests.pages.test_strategy_step import PAGES
from ui.page import rehearsals, uploads
from ui.page.draft import Draft

__all__ = ["submitted"]
TASK = "control.policy"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warm server's answers, given in this process, and the verbs that it was asked."""
    loaded, verbs = handlers.LoadedModels(), []

    def ask(question: dict[str, Any], progress: Any = None, **_: Any) -> dict[str, Any]:
        verbs.append(question["verb"])
        if question["verb"] == "machine":
            return {"macs_per_second": 1e10, "device_name": "a test"}
        return handlers.answer(question, loaded, progress or (lambda *_: None))

    monkeypatch.setattr(client, "ask", ask)
    return verbs


@pytest.fixture
def data(tmp_path: Path) -> str:
    return uploads.take_sample(TASK, "mine", tiny_control.write_target(tmp_path / "data"))


def test_too_few_real_steps_are_said_before_anything_is_queued(
    data: str, asked: list[str], submitted: list[Job]
) -> None:
    at = opened(PAGES[TASK], task=TASK, data=data, step="strategy", strategy="full", set="real_steps:1")
    assert "**Real steps**: found 1; accepted with full" in text(at)
    assert button(at, "Start training").disabled
    assert asked.count("rehearse") == 1
    at = opened(PAGES[TASK], task=TASK, data=data, step="strategy", strategy="full", set="real_steps:1")
    assert button(at, "Start training").disabled
    assert asked.count("rehearse") == 1, "the answer is kept beside the data"
    assert submitted == []


def test_what_fits_is_started(data: str, asked: list[str], submitted: list[Job]) -> None:
    at = opened(PAGES[TASK], task=TASK, data=data, step="strategy", strategy="zero-shot")
    assert not button(at, "Start training").disabled
    press(at, "Start training")
    assert [job.recipe.strategy for job in submitted] == [Strategy.ZERO_SHOT]
    assert asked.count("rehearse") == 1


def test_a_draft_that_would_be_refused_is_not_queued_by_train_now_either(
    data: str, asked: list[str], submitted: list[Job]
) -> None:
    at = opened(PAGES[TASK], task=TASK, data=data, step="data", strategy="full", set="real_steps:1")
    press(at, "Train now")
    assert "**Real steps**: found 1; accepted with full" in text(at)
    assert submitted == []
    assert "rehearse" in asked


def test_where_nobody_can_tell_the_run_is_started(
    data: str, asked: list[str], submitted: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise client.ServerFailed("it is gone")

    monkeypatch.setattr(rehearsals, "require", broken)
    at = opened(PAGES[TASK], task=TASK, data=data, step="strategy", strategy="zero-shot")
    press(at, "Start training")
    assert len(submitted) == 1
    assert "rehearse" not in asked


def test_data_that_are_no_upload_are_asked_about_each_time(tmp_path: Path, asked: list[str]) -> None:
    path = str(tiny_control.write_target(tmp_path / "data"))
    draft = Draft(TASK, registry.task(TASK).info.default_model, Strategy.ZERO_SHOT, {}, path=path)
    rehearsals.require(draft)
    assert rehearsals.known(draft) is None
    assert asked == ["rehearse"]


def test_that_weights_are_not_here_is_no_answer_for_tomorrow(
    data: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Draft(TASK, "pendulum", Strategy.ZERO_SHOT, {}, data=data, path=uploads.origin(data).path)

    def refuse(*_: Any, **__: Any) -> None:
        raise InputError(Problem("model pendulum", "its weights are not on this machine", "connect to the network"))

    with monkeypatch.context() as patch:
        patch.setattr(client, "ask", refuse)
        with pytest.raises(InputError, match="not on this machine"):
            rehearsals.require(draft)
    assert rehearsals.known(draft) is None
    rehearsals.require(draft)
    assert rehearsals.known(draft) == []
    assert asked == ["rehearse"]
