"""Whoever has the id that only shows a data set sees its examples, and changes, takes and learns nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st

from engines import paths, runs, shown_ids
from engines.contract import InputError
from engines.datasets.exporting import export, kept_export
from engines.datasets.folder import DatasetFolder, New
from engines.datasets.state import Box
from engines.jobs import cleanup
from engines.vision.detection.annotations import drawn
from tests.hosting.test_keys import all_of, everything
from tests.pages.opening import opened, text
from ui.page import local_storage
from ui.showing import handover
from ui.unlabelled import desk


@pytest.fixture
def own() -> DatasetFolder:
    dataset = DatasetFolder.create("texts", "Moods", "somebody")
    dataset.add_all([New(f"a day of kind {n}".encode(), f"{n}", "good" if n % 2 else "bad") for n in range(8)])
    dataset.add(b"nobody said what this is", "9")
    return dataset


@pytest.fixture
def shown(own: DatasetFolder) -> DatasetFolder:
    return DatasetFolder.find(shown_ids.publish(own.id, shown_ids.DATASET))


def test_the_id_that_shows_is_a_digest_and_found_once_it_was_asked_for(own: DatasetFolder) -> None:
    shown = shown_ids.of(own.id, shown_ids.DATASET)
    assert runs.ID.fullmatch(shown)
    assert shown not in {own.id, shown_ids.of(own.id)}
    with pytest.raises(InputError, match="there is no data set at this address"):
        DatasetFolder.find(shown)
    assert shown_ids.publish(own.id, shown_ids.DATASET) == shown
    found = DatasetFolder.find(shown)
    assert (found.path, found.id, found.only_shown, own.only_shown) == (own.path, shown, True, False)
    assert found.state() == own.state()


def test_the_link_of_one_kind_opens_nothing_of_the_other(own: DatasetFolder) -> None:
    (paths.shown() / shown_ids.of(own.id)).write_text(own.id)  # as if it were a run
    with pytest.raises(InputError, match="there is no data set"):
        DatasetFolder.find(shown_ids.of(own.id))


@pytest.mark.parametrize("content", ["", "../../etc/passwd", "x" * 22, "\xff"])
def test_an_index_that_somebody_broke_leads_nowhere(shown: DatasetFolder, content: str) -> None:
    (paths.shown() / shown.id).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="there is no data set"):
        DatasetFolder.find(shown.id)


BOX = Box("b", "cat", 0, 0, 9, 9)
DOORS: dict[str, Callable[[DatasetFolder], Any]] = {
    "add": lambda shown: shown.add(b"one more", "more", "good"),
    "add again": lambda shown: shown.add(b"a day of kind 1", "1", "bad"),
    "label": lambda shown: shown.label([shown.state().items[0].id], "good"),
    "add a class": lambda shown: shown.add_class("mine"),
    "rename a class": lambda shown: shown.rename_class("good", "mine"),
    "remove a class": lambda shown: shown.remove_class("good"),
    "remove": lambda shown: shown.remove([shown.state().items[0].id]),
    "draw": lambda shown: shown.draw(shown.state().items[0].id, (10, 10), BOX),
    "erase": lambda shown: shown.erase(shown.state().items[0].id, ["b"]),
    "look": lambda shown: shown.look(shown.state().items[0].id, (10, 10)),
    "undo": lambda shown: shown.undo(),
    "rename": lambda shown: shown.rename("mine"),
    "delete": lambda shown: shown.delete(),
    "delete with undo": lambda shown: shown.delete(undo=True),
    "export": lambda shown: export(shown, paths.home() / "taken.zip"),
    "export for people": lambda shown: kept_export(shown, for_people=True),
    "train": lambda shown: handover.take(shown, "text.sentiment"),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_closed_and_says_so(door: str, own: DatasetFolder, shown: DatasetFolder) -> None:
    before = everything(own.path)
    with pytest.raises(InputError, match=r"^data set: this link only shows it; whoever has its own link"):
        DOORS[door](shown)
    assert everything(own.path) == before
    assert not (paths.home() / "taken.zip").exists()


def test_boxes_are_not_exported_either() -> None:
    own = DatasetFolder.create("boxes", "Cats")
    item = own.add(b"a picture, as far as this goes", "cat.jpg")
    own.draw(item, (10, 10), BOX)
    with pytest.raises(InputError, match="only shows it"):
        drawn.kept_export(DatasetFolder.find(shown_ids.publish(own.id, shown_ids.DATASET)))


def test_it_goes_with_the_data_set_and_comes_back_with_it(own: DatasetFolder, shown: DatasetFolder) -> None:
    own.delete(undo=True)
    for ask in (DatasetFolder.find, DatasetFolder.restore):
        with pytest.raises(InputError, match="there is no data set"):
            ask(shown.id)
    DatasetFolder.restore(own.id)
    cleanup.tidy()
    assert DatasetFolder.find(shown.id).path == own.path
    own.delete()
    assert list(paths.shown().iterdir()) == []


# --- on the pages -------------------------------------------------------------------------------------


def test_its_page_shows_the_examples_of_each_class_and_gives_no_key_away(
    own: DatasetFolder, shown: DatasetFolder
) -> None:
    at = opened("pages/showing.py", dataset=shown.id)
    assert "You are shown this data set" in text(at)
    assert "a day of kind 0" in text(at)
    assert own.id not in all_of(at)
    assert "somebody" not in all_of(at)
    assert [button.label for button in at.button] == []
    assert list(at.get("file_uploader")) == list(at.text_input) == []
    at.selectbox[0].select("good").run()
    assert "a day of kind 1" in text(at)
    assert "a day of kind 0" not in text(at)


@pytest.mark.parametrize("page", ["pages/explore.py", "pages/text.py"])
def test_other_pages_refuse_it_in_a_sentence(own: DatasetFolder, shown: DatasetFolder, page: str) -> None:
    before = everything(own.path)
    at = opened(page, dataset=shown.id)
    assert "this link only shows it" in text(at)
    assert own.id not in all_of(at)
    assert everything(own.path) == before


def test_its_owner_finds_both_links(own: DatasetFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(st.context), "url", "https://host/base/my_data")
    monkeypatch.setattr(local_storage, "recent", lambda **_: [own.id])
    at = opened("pages/my_data.py")
    links = [code.value for code in at.code]
    assert links == [
        f"https://host/base/showing?dataset={dataset_id}"
        for dataset_id in (shown_ids.of(own.id, shown_ids.DATASET), own.id)
    ]


def test_a_list_of_ones_own_and_a_desk_hold_none_that_is_only_shown(shown: DatasetFolder) -> None:
    assert handover.known(shown.id) is None
    st.query_params["dataset"] = shown.id
    try:
        with pytest.raises(InputError, match="only shows it"):
            desk.read()
    finally:
        st.query_params.clear()
