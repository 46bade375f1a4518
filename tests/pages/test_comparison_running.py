"""A result whose comparison with training from scratch goes on, was skipped, or stopped; and how one gets there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import State
from engines.jobs import backends
from engines.jobs.contract import JobStatus
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, text

VISION = "pages/vision.py"


class Queue:
    """A queue with one run in it that only changes when it is told to."""

    def __init__(self, run: RunFolder, state: State, message: str = "", may_resume: bool = False):
        self.run, self.asked = run, list[str]()
        self.standing = JobStatus(run.id, state, message, may_resume=may_resume)

    def status(self, run_id: str) -> JobStatus:
        assert run_id == self.run.id
        return self.standing

    def events(self, run_id: str, after: int = -1) -> list[Any]:
        assert run_id == self.run.id
        return self.run.events(after)

    def cancel(self, run_id: str) -> JobStatus:
        self.asked.append(run_id)
        self.run.skip_comparison()
        self.standing = replace(self.standing, state=State.DONE)
        return self.standing


def comparing(monkeypatch: pytest.MonkeyPatch, state: State, **status: Any) -> Queue:
    """A run that is tested and stands in a queue at `state`, two epochs into training from scratch."""
    run = finished_run.write(paths.runs() / runs.new_id())
    (run.path / "model").mkdir()
    result = run.result
    assert result is not None
    run.write("result.json", replace(result, comparison="running", verdict=None, baselines={}).to_json())
    lines = (run.path / "events.jsonl").read_text().splitlines()
    scratch = [line for line in lines if json.loads(line).get("series") == "scratch"][:2]
    phase = json.dumps({"time": 1_790_000_014.5, "kind": "phase", "name": "scratch", "title": "Training from scratch"})
    run.write("events.jsonl", "\n".join([*lines[:14], phase, *scratch, ""]))
    queue = Queue(run, state, **status)
    monkeypatch.setitem(backends._open, ("local", paths.home()), queue)
    return queue


def test_the_result_is_there_while_the_comparison_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = comparing(monkeypatch, State.RUNNING)
    at = opened(VISION, run=queue.run.id)
    page = text(at)
    assert at.metric[0].value == "87.4 %"
    assert "says animals (95\u00a0%), is food" in page
    assert "timm.create_model" in at.code[0].value
    assert [uploader.key for uploader in at.file_uploader] == ["try_files", "many_files"], "try it"
    (bar,) = at.get("progress")
    assert "the comparison goes on. Training from scratch · epoch 2 of 12" in bar.proto.text


def test_skipping_the_comparison_keeps_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = comparing(monkeypatch, State.RUNNING)
    at = opened(VISION, run=queue.run.id)
    press(at, "Skip the comparison")
    assert queue.asked == [queue.run.id]
    assert at.metric[0].value == "87.4 %"
    assert "Skip the comparison" not in text(at)


def test_a_comparison_that_stopped_is_told_and_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = comparing(monkeypatch, State.INTERRUPTED, message="The worker was killed.", may_resume=True)
    at = opened(VISION, run=queue.run.id)
    assert "The comparison stopped before its end; the result below stands. The worker was killed." in text(at)
    assert "Resume" in text(at)
    assert at.metric[0].value == "87.4 %"


def test_the_train_step_leads_to_the_result_as_soon_as_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = comparing(monkeypatch, State.RUNNING)
    at = opened(VISION, run=queue.run.id)
    at.segmented_control(key="step_switch").set_value("train").run()
    assert "Cancel" not in {button.label for button in at.button}
    press(at, "See the result")
    assert at.metric[0].value == "87.4 %"


@pytest.mark.parametrize("step", ["data", "model", "strategy", "train", "result"])
def test_the_address_of_a_finished_run_opens_its_result(step: str) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened(VISION, run=run.id, step=step, strategy="partial")
    assert "Transfer pays" in text(at)
    at.segmented_control(key="step_switch").set_value("strategy").run()
    assert at.query_params["step"] == "strategy", "from there on the steps lead where they say"
    assert "How much of the network should learn?" in text(at)
