"""A run that was stopped, at any moment and by any means, ends exactly where an undisturbed one does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import lifecycle
from engines.contract import Cancelled, Event, State, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from tests.contract.conftest import Subject
from tests.contract.test_runs import same_predictions, timeless


class Disturbed(RunFolder):
    """Asks itself to stop the first time that a phase begins, and after the first epoch of each phase."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.moments: list[tuple[str, str]] = []

    def emit(self, kind: str, **data: Any) -> None:
        super().emit(kind, **data)
        moment = (kind, data.get("name") or data.get("phase", ""))
        if kind in {"phase", "epoch"} and moment not in self.moments:
            self.moments.append(moment)
            self.request_cancel()


def assert_same(run: RunFolder, undisturbed: RunFolder) -> None:
    assert same_predictions(run, undisturbed)
    kept = {file.name: file.read_bytes() for file in (run.path / "model").glob("*.safetensors")}
    assert kept == {file.name: file.read_bytes() for file in (undisturbed.path / "model").glob("*.safetensors")}
    assert timeless(run) == timeless(undisturbed)


def killed(run: RunFolder, *, when: Callable[[Event], bool]) -> int:
    """Runs it in a worker that gets SIGKILL once there is such an event; returns how many events it leaves."""
    process = subprocess.Popen([sys.executable, "-m", "engines.jobs.worker", str(run.path)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not any(when(event) for event in run.events()):
            assert process.poll() is None, run.state
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert run.state[0] is State.RUNNING
    assert run.result is None
    return len(run.events())


def stop_at_every_moment(subject: Subject, run: Disturbed) -> int:
    """Runs it to its end; returns how often it was stopped on the way."""
    for stops in range(30):
        run.clear_cancel()
        try:
            result = lifecycle.fit(subject.task, run.recipe, run)
        except Cancelled:
            if ("epoch", "head") in run.moments or ("epoch", "scratch") in run.moments:
                assert any((run.path / "checkpoint").iterdir())
            continue
        run.write("result.json", result.to_json())
        return stops
    raise AssertionError(f"it does not get on: {run.moments}")


def test_stopped_at_every_moment(subject: Subject, strategy: Strategy, trained: RunFolder, tmp_path: Path) -> None:
    run = Disturbed(RunFolder.create(subject.recipe(strategy), tmp_path / "run").path)
    assert stop_at_every_moment(subject, run) >= 2
    assert {name for kind, name in run.moments if kind == "epoch"} == {
        event.data["phase"] for event in trained.events() if event.kind == "epoch"
    }
    assert_same(run, trained)


def test_stopped_while_it_gathers_gradients_over_batches(subject: Subject, tmp_path: Path) -> None:
    recipe = subject.recipe(Strategy.FULL, **subject.tiny.accumulating)
    run = Disturbed(RunFolder.create(recipe, tmp_path / "run").path)
    stop_at_every_moment(subject, run)
    assert_same(run, subject.run(tmp_path / "undisturbed", recipe))


def test_killed(subject: Subject, tmp_path: Path) -> None:
    """SIGKILL in mid-training: nothing is lost but the epoch in progress."""
    recipe = subject.recipe(Strategy.FULL, **subject.tiny.long, **subject.tiny.accumulating)
    run = RunFolder.create(recipe, tmp_path / "run")
    before = killed(run, when=lambda event: event.kind == "epoch" and event.data["series"] == "transfer")
    assert worker.execute(run) == worker.DONE
    assert any("Resumed" in event.data.get("message", "") for event in run.events(after=before - 1))
    assert_same(run, subject.run(tmp_path / "undisturbed", recipe))


def test_other_data_in_the_same_place_are_not_mixed_with_what_was_learnt(subject: Subject, tmp_path: Path) -> None:
    data = subject.tiny.write_data(tmp_path / "data")
    strategies = subject.task.info.strategies
    whole = Strategy.SCRATCH if Strategy.SCRATCH in strategies else Strategy.FULL
    recipe = replace(subject.recipe(whole), data=str(data))
    run = Disturbed(RunFolder.create(recipe, tmp_path / "run").path)
    before = ("checking", "reading", "listening", "caching", "head", "scratch", "fine-tuning")
    run.moments = [("phase", name) for name in before]
    with pytest.raises(Cancelled):
        lifecycle.fit(subject.task, run.recipe, run)
    if subject.tiny.change_data is not None:
        subject.tiny.change_data(data)
    elif data.is_file():
        data.write_text("".join(data.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    else:
        next(path for path in sorted(data.rglob("*")) if path.is_file()).unlink()
    run.clear_cancel()
    subject.run(run.path, recipe)
    notes = [event.data["message"] for event in run.events() if event.kind == "note"]
    assert any(note.startswith("The data have changed") for note in notes)
    assert not any("Resumed" in note for note in notes)
