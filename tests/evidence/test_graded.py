"""Forecasts beside runs, and what came of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.evidence import graded
from engines.runs import RunFolder
from tests.pages import finished_run

ANSWER = {
    "models": [
        {"name": "net", "depth": 2, "stages": 3, "expected": {"value": 0.9, "error": 0.1}, "gain": None},
        {"name": "net", "depth": 3, "stages": 3, "expected": {"value": 0.8, "error": 0.1}, "gain": None},
        {"name": "other", "depth": 3, "stages": 3, "expected": None, "gain": None},
    ],
    "sha256": "a",
    "n": 100,
    "seed": 0,
}


def test_the_row_of_the_model_and_depth_that_is_run_is_its_forecast() -> None:
    whole, cut = graded.of_draft(ANSWER, "net", 0), graded.of_draft(ANSWER, "net", 2)
    assert whole is not None
    assert whole["expected"]["value"] == 0.8
    assert cut is not None
    assert cut["expected"]["value"] == 0.9
    far = {"value": 1.2, "said": "Further than photographs."}
    placed = graded.of_draft({**ANSWER, "mismatch": far}, "net", 0)
    assert placed is not None
    assert placed["mismatch"] == far
    assert graded.of_draft(ANSWER, "net", 1) is None
    assert graded.of_draft(ANSWER, "other", 0) is None


def finished(path: Path, value: float, **forecast: Any) -> RunFolder:
    """A finished run of which .8 ± .1 was foretold, and a gain of .3."""
    run = finished_run.write(path, value=value, thumbnails=False, events=False)
    run.write("recipe.json", replace(run.recipe, data_sha256="a").to_json())
    said = {"model": finished_run.MODEL, "depth": 0, "sha256": "a", "n": 100, "seed": 0}
    said |= {"expected": {"value": 0.8, "error": 0.1}, "gain": {"value": 0.3, "error": 0.2}}
    graded.keep(run, said | forecast)
    return run


def test_a_forecast_is_graded_by_the_run_that_it_is_about(tmp_path: Path) -> None:
    found = graded.graded(finished(tmp_path / "run", 0.85))
    assert found is not None
    assert (found.expected, found.value, found.within) == (0.8, 0.85, True)
    assert found.measured_gain == pytest.approx(0.85 - 0.431)
    missed = graded.graded(finished(tmp_path / "missed", 0.95))
    assert missed is not None
    assert not missed.within


@pytest.mark.parametrize("other", [{"sha256": "b"}, {"model": "another"}, {"depth": 2}])
def test_a_forecast_about_other_data_or_another_network_grades_nothing(other: dict[str, Any], tmp_path: Path) -> None:
    assert graded.graded(finished(tmp_path / "run", 0.85, **other)) is None


def test_a_run_without_a_forecast_grades_nothing(tmp_path: Path) -> None:
    assert graded.graded(finished_run.write(tmp_path / "run", thumbnails=False, events=False)) is None


def test_correlation_needs_eight_pairs_and_something_to_order() -> None:
    rising = np.arange(8.0)
    assert graded.correlation(rising[:7], rising[:7]) is None
    assert graded.correlation(rising, np.ones(8)) is None
    found = graded.correlation(rising, rising**3)
    assert found is not None
    assert found.value == pytest.approx(1)
    assert found.n == 8
    turned = graded.correlation(rising, -rising)
    assert turned is not None
    assert turned.value == pytest.approx(-1)


def test_the_interval_of_chance_holds_nothing() -> None:
    rng = np.random.default_rng(0)
    found = graded.correlation(rng.normal(size=30), rng.normal(size=30))
    assert found is not None
    assert found.low < 0 < found.high


def test_what_is_told_of_many_runs(tmp_path: Path) -> None:
    runs = [finished(tmp_path / str(i), 0.7 + i / 100) for i in range(3)]
    found = graded.summary(runs)
    assert (found["n"], found["accuracy"], found["gain"]) == (3, None, None)
    assert found["within"] == pytest.approx(2 / 3)
    assert graded.summary([])["within"] is None
