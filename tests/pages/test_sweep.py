"""How many blocks should learn: asked on a result, watched while it goes on, and what it came to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import Job, State, Strategy
from engines.evidence import depth_curve
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from tests.pages.test_comparison_asked_for import submitted
from tests.pages.test_comparison_page import queued
from ui.comparisons import sweep

__all__ = ["submitted"]
VISION = "pages/vision.py"
SCORES = {0: [0.80, 0.82, 0.81], 1: [0.85, 0.86, 0.84], 8: [0.60, 0.62, 0.64]}


def started(data: Path) -> RunFolder:
    recipe = finished_run.recipe(strategy=Strategy.PARTIAL, data=str(data))
    job = Job(recipe, "sweep", {"seeds": 3, "blocks": [1, 8]})
    run = RunFolder.create(job, paths.runs() / runs.new_id())
    done = 0
    for seed in range(3):
        for blocks, values in SCORES.items():
            done += 1
            run.emit("point", blocks=blocks, seed=seed, value=values[seed], seconds=4.0)
            run.emit("progress", phase="sweeping", done=done, total=12, unit="trainings")
    return run


def finish(run: RunFolder) -> None:
    import numpy as np

    points = depth_curve.points({blocks: np.array(values) for blocks, values in SCORES.items()})
    told = {"points": points, "sentence": depth_curve.sentence(points, 40, "photographs"), "n": 40}
    run.write("sweep.json", json.dumps(told))


def test_it_is_asked_of_a_finished_run_with_its_time(
    monkeypatch: pytest.MonkeyPatch, submitted: list[Job], tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 5e10, "device_name": "CPU, 2 threads"})
    run = finished_run.write(paths.runs() / runs.new_id())
    assert "How many blocks should learn?" not in text(opened(VISION, run=run.id)), "its data are gone"
    run.write("recipe.json", finished_run.recipe(data=str(tmp_path)).to_json())
    at = opened(VISION, run=run.id)
    assert "15 trainings: 0, 1, 2, 4, 8 blocks, 3 seeds each, about " in text(at)
    press(at, "How many blocks should learn?")
    (job,) = submitted
    assert (job.verb, job.arguments) == ("sweep", {"seeds": 3, "blocks": [1, 2, 4, 8]})
    assert job.recipe.strategy == Strategy.PARTIAL
    assert "How many blocks should learn?" in text(at), "it leads to its page"


def test_points_are_drawn_while_they_come_and_told_once_they_are_all_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = started(tmp_path)
    queued(monkeypatch, run, State.RUNNING)
    page = text(opened(VISION, run=run.id))
    assert "The band lies between the seeds so far." in page
    finish(run)
    at = opened(VISION, run=run.id)
    page = text(at)
    assert "letting 8 blocks learn loses to the frozen backbone" in page
    assert "it shows where to look, and picks no depth" in page
    assert "Band: 95 % interval over seeds." in page
    assert sweep.in_short(run).startswith("Letting 1 block learn beats")


def test_points_are_gathered_by_blocks_and_told_twice_count_once() -> None:
    class Event:
        def __init__(self, **data: Any):
            self.kind, self.data = "point", data

    events: Any = [Event(blocks=1, seed=s, value=v) for s, v in ((0, 0.1), (1, 0.3), (0, 0.2))]
    (point,) = sweep.so_far([*events, Event(blocks=1, seed=1, value=0.4)])
    assert (point["budget"], point["values"], point["low"], point["high"]) == (1, [0.2, 0.4], 0.2, 0.4)
    assert point["mean"] == pytest.approx(0.3)
