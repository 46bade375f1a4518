"""Taking a run as one file, opening it on the page Runs, and the picture of its link."""

from __future__ import annotations

import io
import shutil
import xml.etree.ElementTree as ElementTree
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from engines import paths, runs, shown_ids
from engines.contract import State
from engines.jobs import run_file
from engines.jobs.serving import client
from engines.jobs.serving.handlers import LoadedModels, answer
from engines.runs import RunFolder
from tests.jobs.test_run_file import RECORDED
from tests.pages import finished_run
from tests.pages.opening import opened, text
from ui.page import local_storage, visitor
from ui.runs import file, links
from ui.widgets import take_home


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda question, *_, **__: answer(question, LoadedModels(), lambda *_: None))


@pytest.fixture
def own() -> RunFolder:
    return finished_run.write(paths.runs() / runs.new_id())


def test_what_a_button_gives_is_opened_and_put_on_the_list(own: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def recent(**told: Any) -> list[str]:
        asked.update({name: value for name, value in told.items() if value})
        return [own.id]

    monkeypatch.setattr(local_storage, "recent", recent)
    with file.packed(own)() as made:
        content = made.read()
    at = opened("pages/runs.py")
    assert "Take this run as one file" in {button.label for button in at.get("download_button")}
    at.get("file_uploader")[0].upload("taken.zip", content, "application/zip").run()
    next(button for button in at.button if button.label == "Open it").click().run()
    assert "taken.zip is open: it is on your list." in text(at)
    (fresh,) = [path.name for path in paths.runs().iterdir() if path.name != own.id]
    assert asked["add"] == [fresh]
    at.get("file_uploader")[0].upload("text.zip", b"no archive", "application/zip").run()
    next(button for button in at.button if button.label == "Open it").click().run()
    assert "it is no zip" in text(at)


def test_everything_is_downloaded_without_a_key(own: RunFolder) -> None:
    """Whoever passes the zip on gives away what it shows, and no way to the run or to the data."""
    data = str(paths.uploads() / "an-id-that-is-a-key" / "a.zip")
    own.write("recipe.json", replace(own.recipe, data=data).to_json())
    for name in ("worker.json", "worker.log", "cached.txt", "mlflow.json", "job.json"):
        (own.path / name).write_text("{}")
    with take_home.everything(own) as made, zipfile.ZipFile(io.BytesIO(made.read())) as source:
        names = source.namelist()
        content = b"".join(map(source.read, names))
    assert {"recipe.json", "result.json", "events.jsonl", "predictions.parquet"} <= set(names)
    assert not {"worker.json", "worker.log", "cached.txt", "mlflow.json", "job.json"} & set(names)
    assert len(names) == len(set(names))
    assert b"an-id-that-is-a-key" not in content
    assert own.id.encode() not in content


@pytest.mark.parametrize("setting", ["HEADSTART_PUBLIC", "HEADSTART_SHOWCASE"])
def test_a_host_for_strangers_offers_none(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(setting, "1")
    monkeypatch.setattr(visitor, "myself", lambda: "ann")
    assert not [each for each in opened("pages/runs.py").expander if each.label == "Open a run from a file"]


@pytest.mark.parametrize("task", RECORDED)
def test_a_run_that_was_opened_draws_whole(task: str, tmp_path: Path) -> None:
    own = RunFolder(paths.runs() / runs.new_id())
    shutil.copytree(paths.showcase() / RECORDED[task], own.path)
    own.set_state(State.DONE)
    found = run_file.open_file(run_file.pack(own, tmp_path / "run.zip"))
    shutil.rmtree(own.path)
    at = opened(f"pages/{task.split('.')[0]}.py", run=found.run)
    assert "could not" not in text(at)
    assert "Links to this run" in {each.label for each in at.expander}


def test_the_picture_is_of_the_link_that_only_shows(own: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(type(st.context), "url", "https://host/base/vision")
    monkeypatch.setattr(
        links, "picture", lambda address: drawn.append(address) or "<svg xmlns='http://www.w3.org/2000/svg'/>"
    )
    at = opened("pages/vision.py", run=own.id)
    assert drawn == []
    next(each for each in at.toggle if each.label == "As a picture for a phone").set_value(True).run()
    assert drawn == [f"https://host/base/vision?run={shown_ids.of(own.id)}"]


def test_a_picture_is_dark_on_light_with_a_margin() -> None:
    drawn = ElementTree.fromstring(links.picture("https://host/vision?run=" + "a" * 22))
    light, dark = [path.get("fill") or path.get("stroke") for path in drawn.iter() if path.tag.endswith("path")]
    assert (light, dark) == ("#fff", "#000")
