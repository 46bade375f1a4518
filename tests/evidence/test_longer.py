"""A baseline that had not stopped improving goes on from where it stopped; what it was compared with stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engines import lifecycle, paths, runs
from engines.contract import Event, InputError, Recipe, Result, Strategy
from engines.runs import RunFolder
from templates.task.task import Shapes

TASK = Shapes()
EPOCHS = 3


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    table = TASK.make_sample(TASK.samples()[0].name, tmp_path / "data")
    header, *lines = table.read_text(encoding="utf-8-sig").splitlines()
    table.write_text("\n".join([header, *lines[::3]]), encoding="utf-8")
    settings = {"baseline": "scratch", "baseline_epochs": EPOCHS}
    recipe = Recipe(TASK.info.name, str(table), TASK.info.default_model, Strategy.FEATURES, settings=settings)
    run = RunFolder.create(recipe, paths.runs() / runs.new_id())
    run.write("result.json", lifecycle.fit(TASK, recipe, run).to_json())
    return run


def result(run: RunFolder) -> Result:
    assert run.result is not None
    return run.result


def longer(run: RunFolder, epochs: int = 2 * EPOCHS) -> Result:
    recipe = replace(run.recipe, settings=run.recipe.settings | {"baseline_epochs": epochs})
    found = lifecycle.longer(TASK, recipe, run)
    run.write("result.json", found.to_json())
    return found


def scratch(events: list[Event]) -> list[int]:
    return [e.data["epoch"] for e in events if e.kind == "epoch" and e.data["series"] == "scratch"]


def test_it_goes_on_and_the_verdict_is_told_anew(finished: RunFolder) -> None:
    before = result(finished)
    assert before.baseline_may_improve
    assert [path.name for path in (finished.path / "checkpoint").iterdir()] == ["scratch"], "the rest is let go"
    seen = len(finished.events())
    found = longer(finished)
    assert scratch(finished.events(after=seen - 1)) == [4, 5, 6], "nothing is trained again"
    details = found.baseline_details["scratch"]
    assert details["epochs"] == 2 * EPOCHS
    assert (found.value, found.comparison) == (before.value, "done")
    assert found.verdict is not None
    assert found.verdict.difference.value == pytest.approx(found.value - found.baselines["scratch"])
    assert finished.recipe.settings["baseline_epochs"] == 2 * EPOCHS, "how to repeat it"
    kept = json.loads((finished.path / "trials" / "all-0-scratch.json").read_text(encoding="utf-8"))
    assert len(kept["curve"]["values"]) == 2 * EPOCHS
    assert (finished.path / "report.html").is_file()


def test_cancelled_it_leaves_all_as_it_was(finished: RunFolder) -> None:
    before = result(finished)
    finished.request_cancel()
    found = longer(finished)
    assert found == before
    assert finished.recipe.settings["baseline_epochs"] == EPOCHS
    finished.clear_cancel()
    assert longer(finished).baseline_details["scratch"]["epochs"] == 2 * EPOCHS, "it can be asked for again"


def test_data_that_changed_are_refused(finished: RunFolder) -> None:
    data = Path(finished.recipe.data)
    data.write_text("\n".join(data.read_text(encoding="utf-8").splitlines()[:-6]), encoding="utf-8")
    with pytest.raises(InputError, match="changed since"):
        longer(finished)
    with pytest.raises(InputError, match="it is not kept"):
        longer(finished)


def test_whether_more_may_help_is_read_off_the_best_pass(finished: RunFolder) -> None:
    settled = {"epochs": 20, "best_epoch": 12}
    assert not replace(result(finished), baseline_details={"scratch": settled}).baseline_may_improve
    assert replace(result(finished), baseline_details={"scratch": settled | {"best_epoch": 16}}).baseline_may_improve
    assert not replace(result(finished), baseline_details={}).baseline_may_improve
