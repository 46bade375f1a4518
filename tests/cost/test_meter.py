"""A run tells what it cost, and teaches what the next one will; whole, resumed, and with the comparison cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines import lifecycle, paths
from engines.contract import Cancelled, Json, Recipe, Result, Strategy
from engines.cost import rates
from engines.runs import RunFolder
from templates.task.task import Shapes

TASK = Shapes()
PHASES = ["start", "encoding", "training", "testing", "keeping", "baseline"]


class Cancelling(RunFolder):
    """Asked to stop once training from scratch begins."""

    def emit(self, kind: str, **data: Json) -> None:
        super().emit(kind, **data)
        if kind == "phase" and data.get("series") == "scratch":
            self.request_cancel()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every third signal of the sample."""
    table = TASK.make_sample(TASK.samples()[0].name, tmp_path_factory.mktemp("secret-name"))
    header, *lines = table.read_text(encoding="utf-8-sig").splitlines()
    table.write_text("\n".join([header, *lines[::3]]), encoding="utf-8")
    return table


def fitted(data: Path, folder: Path, kind: type[RunFolder] = RunFolder, **settings: Any) -> Result:
    chosen = {"epochs": 2, "baseline": "scratch", **settings}
    recipe = Recipe(TASK.info.name, str(data), TASK.info.default_model, Strategy.FEATURES, settings=chosen)
    return lifecycle.fit(TASK, recipe, kind.create(recipe, folder))


def test_a_run_says_what_it_cost_and_the_next_is_forecast_by_it(data: Path, tmp_path: Path) -> None:
    first = fitted(data, tmp_path / "first").details["cost"]
    assert (first["said"], first["runs"]) == (None, 0), "no probe, no run"
    assert list(first["phases"]) == [name for name in PHASES if name in first["phases"]]
    assert {"training", "baseline"} & first["phases"].keys()
    assert first["took"] == pytest.approx(sum(each["took"] for each in first["phases"].values()), abs=0.6)
    assert first["memory"] > 50e6
    (row,) = rates.read()
    assert row.kind.strategy == "features"
    assert set(row.phases) == set(PHASES)
    assert all(took >= 0 for _, took in row.phases.values())

    second = fitted(data, tmp_path / "second", learning_rate=0.001).details["cost"]
    assert (second["runs"], second["alike"], second["low"]) == (1, "model", None)
    expected = {name: took for name, (_, took) in row.phases.items()}
    assert second["said"] == pytest.approx(sum(expected.values()), abs=0.1), "the same work at the same pace"
    assert len(rates.read()) == 2
    assert "encoding" not in rates.read()[1].phases, "it was there from the first run"

    kept = (paths.home() / rates.FILE).read_text()
    for name in (data.name, data.parent.name, str(tmp_path), "first", "second"):
        assert name not in kept


def test_a_run_that_goes_on_or_skips_its_comparison_teaches_nothing(data: Path, tmp_path: Path) -> None:
    (tmp_path / "again" / "checkpoint").mkdir(parents=True)
    assert fitted(data, tmp_path / "again", baseline="none").details["cost"]["took"] > 0
    skipped = fitted(data, tmp_path / "skipped", Cancelling)
    assert skipped.comparison == "skipped"
    assert "baseline" not in skipped.details["cost"]["phases"]
    assert rates.read() == []


def test_a_clock_that_ends_the_training_teaches_no_pace(data: Path, tmp_path: Path) -> None:
    fitted(data, tmp_path / "run", baseline="none", epochs=10_000, patience=10_000, max_seconds=1)
    (row,) = rates.read()
    assert "training" not in row.phases
    assert "start" in row.phases


def test_a_run_that_is_stopped_teaches_nothing(data: Path, tmp_path: Path) -> None:
    class Stopped(RunFolder):
        def check_cancelled(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        fitted(data, tmp_path / "run", Stopped)
    assert rates.read() == []
