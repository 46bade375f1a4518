"""The page Look through: a map, groups that get names, odd ones, and labels that stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from engines import registry
from engines.datasets.folder import DatasetFolder, New
from engines.jobs.serving import client
from engines.jobs.serving.handlers import LoadedModels, answer
from tests import tiny_series, tiny_text
from tests.contract import tiny
from tests.pages.opening import opened, press, shown, text
from ui.page import uploads
from ui.unlabelled.desk import Desk

PAGE, VISION, SERIES, TEXT = "pages/explore.py", "vision.classification", "forecasting.forecast", "text.sentiment"


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's answers, given here, by a network of a moment."""
    models = tmp_path / "models"
    monkeypatch.setenv("HEADSTART_MODELS", str(models))
    tiny.TINY[VISION].write_weights(models)
    task = registry.task(VISION)
    monkeypatch.setattr(type(task), "info", replace(task.info, default_model=tiny.TINY[VISION].model))
    monkeypatch.setattr(task.verb("embed"), "ALIKE", 0.999999)
    monkeypatch.setattr(client, "ask", lambda question, *_: answer(question, LoadedModels(), lambda *_: None))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Twelve pictures of two colours, the last one twice, the second time packed otherwise."""
    rng, files = np.random.default_rng(0), []
    for number in range(12):
        colour = (200, 30, 30) if number % 2 else (30, 30, 200)
        pixels = np.clip(np.array(colour) + rng.normal(0, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
        files.append(tmp_path / f"{number:02d}.png")
        Image.fromarray(pixels).save(files[-1])
    files.append(tmp_path / "twice.png")
    Image.open(files[-2]).save(files[-1], compress_level=0)
    return files


@pytest.fixture
def data(pictures: list[Path]) -> str:
    """The id of an upload of them."""
    return uploads.keep([uploads.Made(file.name, file.read_bytes()) for file in pictures], title="Two colours")


def at_view(view: str, **query: str) -> AppTest:
    return opened(PAGE, task=VISION, view=view, **query)


def dataset_of(at: AppTest) -> DatasetFolder:
    return DatasetFolder.find(one(at.query_params["dataset"]))


def one(asked: str | list[str]) -> str:
    return asked if isinstance(asked, str) else asked[0]


def test_it_opens_on_what_may_be_brought() -> None:
    at = opened(PAGE)
    assert "Bring photographs without labels" in text(at)
    assert [button.label for button in at.button].count("Look through this sample") >= 1


def test_pairs_and_conversations_are_looked_through_a_column_at_a_time(tmp_path: Path) -> None:
    tiny_text.write_bert(tmp_path / "models")
    task = registry.task(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(task), "info", replace(task.info, default_model="tiny-bert"))
        at = opened(PAGE)
        at.segmented_control(key="unlabelled_kind").set_value("texts").run()
        assert {"look_through_pairs", "look_through_conversations"} <= {button.key for button in at.button}
        at.button(key="look_through_pairs").click().run()
        assert "124 texts, 0 labelled" in text(at)
        column = at.selectbox(key="unlabelled_column")
        assert (column.value, column.options) == ("english", ["english", "french"])
        column.set_value("french").run()
        assert at.query_params["column"] in ("french", ["french"])
        at = opened(PAGE, task=TEXT, view="groups", data=one(at.query_params["data"]), column="french")
        assert "Bonjour !" in text(at)
        assert at.selectbox(key="unlabelled_column").value == "french"


def test_the_map_shows_every_example_and_one_that_is_chosen(data: str) -> None:
    at = at_view("map", data=data)
    assert "13 photographs, 0 labelled" in text(at)
    assert shown(at, "plotly_chart") == 1
    at.selectbox(key="unlabelled_chosen").set_value(2).run()
    assert "02.png · group" in text(at)


def test_a_group_that_is_named_becomes_a_class_and_is_one_step_to_undo(data: str) -> None:
    at = at_view("groups", data=data, groups="2")
    at.text_input(key="group_name_0").set_value("Warm ones")
    press(at, "Name group 1")
    named = dataset_of(at).state()
    assert named.classes == ("Warm ones",)
    assert len(named.labelled) >= 6
    assert "Warm ones" in text(at)
    press(at, "Undo")
    assert dataset_of(at).state().labelled == ()
    assert "0 labelled" in text(at)


def test_a_group_without_a_name_is_refused_in_a_sentence(data: str) -> None:
    at = at_view("groups", data=data, groups="2")
    press(at, "Name group 1")
    assert "it has no name" in text(at)


def test_labels_one_by_one_survive_a_refresh_and_are_handed_over(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = at_view("label", data=data, groups="2")
    for name in ("red", "blue"):
        at.text_input(key="class_name").set_value(name)
        press(at, "Add the class")
    assert [b.label for b in at.button if b.label[:1].isdigit()] == ["1 · red", "2 · blue"]
    for number in range(9):
        press(at, ("1 · red", "2 · blue")[number % 2])
        assert f"{number + 1} labelled" in text(at)
    assert shown(at, "plotly_chart") == 1
    press(at, "Undo")
    kept = dataset_of(at).id
    again = at_view("label", data=data, groups="2", dataset=kept)
    assert "8 labelled" in text(again)
    gone: list[Any] = []
    monkeypatch.setattr(st, "switch_page", lambda page, query_params: gone.append((page.url_path, query_params)))
    press(again, "Train it properly")
    [(page, query)] = gone
    assert (page, query["task"]) == ("vision", VISION)
    handed = Path(uploads.origin(query["data"]).path)
    assert registry.task(VISION).check(handed).classes == {"blue": 4, "red": 4}


def test_skipped_ones_come_back_and_left_out_ones_do_not(data: str) -> None:
    at = at_view("label", data=data, groups="2")
    for _ in range(12):  # one of the 13 is another one twice
        press(at, "Skip")
    assert "Everything is labelled" not in text(at)
    press(at, "Leave it out")
    assert len(Desk(VISION, data, None).left_out) == 1
    assert "1 photograph left out" in text(at)


def test_copies_are_left_out_at_once_and_an_odd_one_by_itself(data: str) -> None:
    at = at_view("odd", data=data)
    assert "Nearly the same as another: 1" in text(at)
    press(at, "Leave out all 1")
    [twice] = Desk(VISION, data, None).left_out
    pills = at.pills(key="leave_out_unlike")
    odd = next(title for title in pills.options if title[0] == "0")
    pills.set_value([int(odd[:2])]).run()
    assert not at.exception
    assert len(Desk(VISION, data, None).left_out - {twice}) == 1


def test_too_many_groups_is_a_sentence_with_a_way_back(data: str) -> None:
    at = at_view("groups", data=data, groups="999")
    assert "found 999 clusters" in text(at)
    press(at, "The usual number of groups")
    assert "Group 1" in text(at)


def test_an_unknown_link_is_a_sentence() -> None:
    at = opened(PAGE, dataset="x" * 22)
    assert "there is no data set at this address" in text(at)
    assert "Bring photographs" in text(at)


def test_a_data_set_made_in_the_app_is_looked_through_by_its_link(pictures: list[Path]) -> None:
    made = DatasetFolder.create("pictures", "Of mine")
    made.add_all([New(file.read_bytes(), file.name, "red" if i % 2 else None) for i, file in enumerate(pictures[:12])])
    at = opened(PAGE, dataset=made.id)
    assert "12 photographs, 6 labelled" in text(at)


def test_series_have_a_map_and_no_labels(tmp_path: Path) -> None:
    path = tiny_series.write_series(tmp_path / "series")
    data = uploads.take_made("Series", path)
    at = opened(PAGE, task=SERIES, data=data, view="label")
    assert "Series have no classes to label" in text(at)
