"""Trainings of a comparison at the same time: the same numbers, and a run that can be stopped and goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from engines import lifecycle
from engines.contract import Cancelled, Recipe, Strategy
from engines.evidence import side_by_side
from engines.runs import RunFolder
from templates.task.task import Shapes

TASK = Shapes()


def recipe(data: Path, **settings: Any) -> Recipe:
    chosen = {"epochs": 2, "baseline_epochs": 2, **settings}
    return Recipe(TASK.info.name, str(data), TASK.info.default_model, Strategy.FEATURES, settings=chosen)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Every second signal of the sample."""
    table = TASK.make_sample(TASK.samples()[0].name, tmp_path / "data")
    header, *lines = table.read_text(encoding="utf-8-sig").splitlines()
    table.write_text("\n".join([header, *lines[::2]]), encoding="utf-8")
    return table


def compared(of: Recipe, folder: Path) -> dict[str, Any]:
    run = RunFolder(folder) if folder.exists() else RunFolder.create(of, folder)
    return lifecycle.compare(TASK, of, run, [6, 24], 2)


def numbers(found: dict[str, Any]) -> list[Any]:
    return [(point["budget"], point["strategy"], point["values"]) for point in found["points"]]


def test_two_at_a_time_come_to_the_same_numbers(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "workers", lambda: 1)
    alone = compared(recipe(data), tmp_path / "alone")
    monkeypatch.setattr(side_by_side, "workers", lambda: 2)
    here = threading.get_ident()
    trained: list[int] = []
    real = lifecycle.learning_curve._Trials._train
    monkeypatch.setattr(lifecycle.learning_curve._Trials, "_train", lambda *given: trained.append(here) or real(*given))
    both = compared(recipe(data), tmp_path / "both")
    assert numbers(both) == numbers(alone)
    assert both["value"] == alone["value"]
    assert not trained, "all of it in the others"
    assert len(list((tmp_path / "both" / "trials").iterdir())) == 8, "no checkpoint is left behind"


def test_it_is_cancelled_and_goes_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "workers", lambda: 2)
    long = recipe(data, epochs=10_000, baseline_epochs=10_000, patience=10_000)
    run = RunFolder.create(long, tmp_path / "run")

    def cancel() -> None:
        deadline = time.monotonic() + 120
        while not list((run.path / "trials").glob("*/checkpoint")) and time.monotonic() < deadline:
            time.sleep(0.05)
        run.request_cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        lifecycle.compare(TASK, long, run, [24], 1)
    thread.join()
    assert list((run.path / "trials").glob("*/checkpoint")), "where they were is kept"


def test_as_many_as_there_are_pairs_of_cores_or_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [side_by_side.workers(cores) for cores in (1, 2, 3, 4, 7, 8, 64)] == [1, 1, 1, 2, 3, 4, 4]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert side_by_side.workers(64) == 1, "one card does one thing at a time"


def test_the_longest_come_first_and_one_fills_the_cache_for_all() -> None:
    head, scratch = Strategy.FEATURES, Strategy.SCRATCH
    wanted = [(budget, seed, way) for budget in (100, 40) for seed in (0, 1) for way in (head, scratch)]
    order = side_by_side.in_turn(wanted)
    assert sorted(order) == sorted(wanted)
    assert order[:5] == [(100, 0, head), (100, 0, scratch), (100, 1, scratch), (40, 0, scratch), (40, 1, scratch)]
    assert side_by_side.in_turn([(None, 0, scratch)]) == [(None, 0, scratch)]
