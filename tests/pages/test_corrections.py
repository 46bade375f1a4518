"""A wrong label is put right where it is seen, and learnt from there; the data stay as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, runs
from engines.contract import Job
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.test_pages import VISION, opened, press, text
from ui.page import visitor
from ui.widgets import corrections

WRONG = "food/animals-0.jpg"


@pytest.fixture
def run() -> RunFolder:
    return finished_run.write(paths.runs() / runs.new_id())


def browsing(run: RunFolder) -> AppTest:
    at = opened(VISION, run=run.id)
    at.session_state["browser"] = True
    at.run()
    assert not at.exception
    return at


def put_right(at: AppTest, file: str, answer: str) -> None:
    next(box for box in at.selectbox if box.label == "Is a label wrong?").set_value(file).run()
    next(box for box in at.selectbox if box.label == "What should it be?").set_value(answer).run()
    assert not at.exception


def kept(run: RunFolder) -> Any:
    return json.loads((run.path / corrections.FILE).read_text(encoding="utf-8"))


def test_relabel_drop_undo_and_train_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[Job] = []

    class Queue:
        def submit(self, job: Job) -> str:
            submitted.append(job)
            return run.id

    monkeypatch.setattr(visitor, "backend", Queue)
    at = browsing(run)
    assert "You put right" not in text(at)
    put_right(at, WRONG, "animals")
    assert kept(run) == {WRONG: "animals"}
    assert f"You put right:\n- **{WRONG}**: animals" in text(at)
    put_right(at, "plants/animals-0.jpg", corrections.LEAVE_OUT)
    put_right(at, "household/food-1.jpg", "plants")
    put_right(at, "household/food-1.jpg", corrections.UNCHANGED)
    assert kept(run) == {WRONG: "animals", "plants/animals-0.jpg": None}

    press(browsing(run), "Train again with 2 corrections")  # also from a tab that was opened anew
    (job,) = submitted
    recipe = job.recipe
    assert json.loads(recipe.settings["corrections"]) == {WRONG: "animals", "plants/animals-0.jpg": None}
    assert recipe.settings["baseline"] == "scratch"
    assert (recipe.data, recipe.seed, recipe.data_sha256) == (run.recipe.data, run.recipe.seed, None)
    assert "corrections" not in run.recipe.settings


def test_corrections_of_the_run_itself_are_said_and_go_along(run: RunFolder) -> None:
    of = finished_run.recipe(settings={"corrections": corrections.written({"animals/food-0.jpg": "animals"})})
    run.write("recipe.json", of.to_json())
    at = browsing(run)
    assert "This run learnt with 1 correction of yours." in text(at)
    put_right(at, WRONG, "animals")
    assert kept(run) == {"animals/food-0.jpg": "animals", WRONG: "animals"}
    assert "Train again with 2 corrections" in text(at)
    press(at, "Undo all of them")
    assert "This run learnt with 1 correction of yours." in text(at)


def test_a_picture_that_was_learnt_from_can_be_put_right(run: RunFolder) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"file": "food/learnt-7.jpg", "label": "food", "predicted": "plants", "confidence": 0.9, "thumbnail": None}
    pq.write_table(pa.Table.from_pylist([row]), run.path / "learnt_from.parquet")
    at = browsing(run)
    at.segmented_control(key="part").set_value(False).run()
    assert "1 of 1 photographs it learnt from, the surest first." in text(at)
    put_right(at, "food/learnt-7.jpg", "plants")
    assert kept(run) == {"food/learnt-7.jpg": "plants"}


def test_a_recorded_run_is_not_corrected(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "showcase", paths.runs)
    at = browsing(run)
    assert "Is a label wrong?" not in [box.label for box in at.selectbox]
