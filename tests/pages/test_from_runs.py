"""A finished run of one's own as the model to start from, on the Model step."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines import paths, runs
from engines.contract import InputError
from engines.jobs import cleanup, starting
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from ui.page import address, draft, local_storage

VISION = "pages/vision.py"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """One finished run, in this browser's list."""
    run = finished_run.write(paths.runs() / runs.new_id())
    (run.path / "model").mkdir(exist_ok=True)
    (run.path / "model" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(local_storage, "recent", lambda **_: [run.id, "GoneGoneGoneGoneGoneGo"])
    return run


def test_a_run_is_chosen_and_left_again(own: RunFolder) -> None:
    at = opened(VISION, step="model", task=finished_run.TASK)
    assert "Goes on from" not in text(at)
    press(at, "Go on from it")
    assert at.query_params["start"] == own.id
    assert "Goes on from Four kinds of things" in text(at)
    press(at, "Take the model as it came")
    assert "start" not in at.query_params
    assert "Goes on from" not in text(at)


def test_what_is_trained_then_begins_with_a_copy_that_goes_with_it(own: RunFolder) -> None:
    here = address.Address(start=own.id)
    chosen = draft.read(finished_run.TASK, here, own)
    assert not list(paths.starts().iterdir()), "a page that is looked at copies nothing"
    recipe = starting.kept(chosen.recipe())
    assert recipe.model == finished_run.MODEL
    assert recipe.start is not None
    kept = Path(recipe.start)
    assert (kept / "model" / "model.safetensors").read_bytes() == b"weights"
    assert own.id not in recipe.to_json()
    assert draft.read(finished_run.TASK, address.Address(model=finished_run.MODEL), own).recipe().start is None
    new = RunFolder.create(recipe, paths.runs() / runs.new_id())
    assert draft.read(finished_run.TASK, address.Address(), new).recipe().start == recipe.start
    cleanup.remove(own.path)
    assert kept.is_dir(), "another run began with it"
    cleanup.remove(new.path)
    assert not kept.exists()


def test_a_run_that_is_gone_is_said() -> None:
    at = opened(VISION, step="model", start="GoneGoneGoneGoneGoneGo")
    assert "Start afresh" in text(at)
    with pytest.raises(InputError, match="no run"):
        draft.read(finished_run.TASK, address.Address(start="GoneGoneGoneGoneGoneGo"), None)


@pytest.mark.usefixtures("own")
def test_a_task_that_cannot_does_not_offer_it() -> None:
    assert "From your runs" not in [e.label for e in opened("pages/control.py", step="model").expander]
    assert "From your runs" in [e.label for e in opened(VISION, step="model").expander]
