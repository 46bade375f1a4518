"""Whoever has the id that only shows a run sees it, and changes, takes and learns nothing more by any door there is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engines import paths, runs, shown_ids
from engines.contract import InputError, Job, State
from engines.jobs import backends, cleanup
from engines.jobs.contract import JobBackend
from engines.jobs.serving.handlers import LoadedModels, answer
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, text
from ui.page import local_storage, recorded

RECORDED = {entry["task"]: entry["id"] for entry in reversed(recorded._index())}
"""A recorded run of each task."""
OWNERS = ("Train again", "Make sure", "How many blocks", "Look inside", "Model", "ONNX", "SB3", "Script", "Resume")
"""How what is only its owner's to press begins."""


@pytest.fixture
def own() -> RunFolder:
    run = finished_run.write(paths.runs() / runs.new_id())
    run.write("corrections.json", "{}")
    return run


@pytest.fixture
def shown(own: RunFolder) -> RunFolder:
    return RunFolder.find(shown_ids.publish(own.id))


@pytest.fixture
def jobs() -> JobBackend:
    return backends.backend()


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_two_ids_look_alike_and_one_does_not_give_the_other(own: RunFolder) -> None:
    shown = shown_ids.of(own.id)
    assert runs.ID.fullmatch(shown)
    assert shown != own.id
    assert shown_ids.of(shown) != own.id
    with pytest.raises(InputError, match="there is no run at this address"):
        RunFolder.find(shown)  # nobody has asked for the link yet
    assert shown_ids.publish(own.id) == shown_ids.publish(own.id) == shown
    assert RunFolder.find(shown).path == own.path


@pytest.mark.parametrize("content", ["", "../../etc/passwd", "x" * 22, "\xff"])
def test_an_index_that_somebody_broke_leads_nowhere(shown: RunFolder, content: str) -> None:
    (paths.shown() / shown.id).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="there is no run at this address"):
        RunFolder.find(shown.id)


def test_what_is_shown(own: RunFolder, shown: RunFolder, jobs: JobBackend) -> None:
    assert (shown.only_shown, own.only_shown) == (True, False)
    assert shown.state == own.state
    assert shown.result is not None
    assert shown.result.run == shown.id
    assert [event.data for event in jobs.events(shown.id)] == [event.data for event in own.events()]
    status = jobs.status(shown.id)
    assert (status.id, status.state, status.only_shown) == (shown.id, State.DONE, True)
    assert own.id not in repr((shown.result, shown.recipe, status))


def test_where_the_data_lie_is_not_told(own: RunFolder, shown: RunFolder) -> None:
    assert own.recipe.data == "/nowhere/photographs.zip"
    assert (shown.recipe.data, shown.recipe.title) == ("", own.recipe.title)


DOORS: dict[str, Callable[[RunFolder, JobBackend], Any]] = {
    "cancel": lambda run, jobs: jobs.cancel(run.id),
    "sooner": lambda run, jobs: jobs.sooner(run.id),
    "resume": lambda run, jobs: jobs.submit(None, resume=run.id),
    "longer": lambda run, jobs: jobs.submit(Job(run.recipe, "longer"), resume=run.id),
    "delete": lambda run, jobs: backends.delete(jobs, run.id),
    "delete with undo": lambda run, jobs: backends.delete(jobs, run.id, undo=True),
    "export": lambda run, _: answer(
        {"verb": "export", "run": run.address, "format": "onnx", "out": str(paths.uploads() / "x")},
        LoadedModels(),
        lambda *_: None,
    ),
    "look inside": lambda run, _: answer({"verb": "layers", "run": run.address}, LoadedModels(), lambda *_: None),
    "rename": lambda run, _: run.rename("mine now"),
    "relabel": lambda run, _: run.write("corrections.json", '{"a": "b"}'),
    "tell": lambda run, _: run.emit("note", message="hello"),
    "stop": lambda run, _: run.request_cancel(),
    "go on": lambda run, _: run.clear_cancel(),
    "forget the outcome": lambda run, _: run.clear_outcome(),
    "another job": lambda run, _: run.give(Job(run.recipe)),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_closed_and_says_so(door: str, own: RunFolder, shown: RunFolder, jobs: JobBackend) -> None:
    before = everything(own.path)
    with pytest.raises(InputError, match=r"^run: this link only shows the run; whoever has its own link can do that"):
        DOORS[door](shown, jobs)
    assert everything(own.path) == before


def test_training_again_on_data_that_one_does_not_have_is_refused(shown: RunFolder, jobs: JobBackend) -> None:
    with pytest.raises(InputError, match="nothing says where they lie"):
        jobs.submit(Job(shown.recipe.again({})))


def test_a_deleted_run_is_shown_no_more_and_again_once_it_is_back(
    own: RunFolder, shown: RunFolder, jobs: JobBackend
) -> None:
    backends.delete(jobs, own.id, undo=True)
    with pytest.raises(InputError, match="there is no run"):
        RunFolder.find(shown.id)
    with pytest.raises(InputError, match="deleted for good"):
        backends.restore(shown.id)
    backends.restore(own.id)
    assert RunFolder.find(shown.id).path == own.path
    backends.delete(jobs, own.id)
    assert list(paths.shown().iterdir()) == []


def test_a_sentence_never_names_a_run_by_its_key(own: RunFolder) -> None:
    (own.path / "result.json").unlink()
    with pytest.raises(InputError, match=r"^this run: it has no trained model"):
        LoadedModels().get(own)
    assert runs.called(Path("results/birds")) == "run birds"


# --- on the pages -------------------------------------------------------------------------------------


def all_of(at: AppTest) -> str:
    """Every word that goes to the browser, keys and addresses included."""
    return repr(at._tree) + "".join(str(node.proto) for node in nodes(at._tree))


def nodes(block: Any) -> list[Any]:
    found = []
    for child in block.children.values():
        found += [child, *(nodes(child) if hasattr(child, "children") else [])]
    return [node for node in found if getattr(node, "proto", None) is not None]


@pytest.mark.parametrize("task", RECORDED)
def test_a_result_that_is_shown_draws_whole_and_gives_no_key_away(task: str) -> None:
    own = paths.runs() / runs.new_id()
    shutil.copytree(paths.showcase() / RECORDED[task], own)
    shown = shown_ids.publish(own.name)
    at = opened(f"pages/{task.split('.')[0]}.py", run=shown)
    assert "You are shown this run" in text(at)
    assert "could not" not in text(at)
    assert shown in all_of(at) or shown in str(at.query_params)
    assert own.name not in all_of(at)
    offered = {button.label for button in at.button} | {element.label for element in at.get("download_button")}
    assert not {label for label in offered if label.startswith(OWNERS)}


def test_its_owner_finds_both_links(own: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(st.context), "url", "https://host/base/vision")
    at = opened("pages/vision.py", run=own.id)
    assert "You are shown this run" not in text(at)
    assert own.id in all_of(at)  # so that it would be found on a page that gives it away
    offered = {button.label for button in at.button} | {element.label for element in at.get("download_button")}
    assert {label for label in offered if label.startswith(OWNERS)}
    links = [code.value for code in at.code if "run=" in code.value]
    assert links == [f"https://host/base/vision?run={run_id}" for run_id in (shown_ids.of(own.id), own.id)]


def test_in_a_list_what_is_shown_can_be_taken_off_it_and_no_more(
    shown: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}

    def recent(**asked: Any) -> list[str]:
        told.update({name: value for name, value in asked.items() if value})
        return [shown.id]

    monkeypatch.setattr(local_storage, "recent", recent)
    at = opened("pages/runs.py")
    labels = {button.label for button in at.button}
    assert not labels & {"Delete", "Rename"}
    next(button for button in at.button if button.label == "Take it off my list").click().run()
    assert told == {"forget": [shown.id]}
    assert shown.exists


def test_clean_up_leaves_the_index_of_runs_that_are_there(own: RunFolder, shown: RunFolder) -> None:
    cleanup.tidy()
    assert RunFolder.find(shown.id).path == own.path
