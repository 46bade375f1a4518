"""Drawing boxes: the page, what the browser sends, and what a detector proposes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines.datasets.folder import DatasetFolder
from engines.datasets.state import Box
from engines.jobs.serving import client
from engines.vision.detection.annotations import drawn
from tests.datasets.test_boxes import jpeg
from tests.pages.opening import opened, text
from ui.page import local_storage
from ui.showing import proposals
from ui.widgets.boxes import widget

SHOWING, MY_DATA = "pages/showing.py", "pages/my_data.py"
BOX = {"id": "a", "label": "cup", "x0": 10, "y0": 20, "x1": 60, "y1": 50}


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the warm server is asked; it looks at pictures, and its detector finds a cup and what is drawn already."""
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        asked.append(question)
        if question["verb"] == "picture":
            return drawn.view(DatasetFolder.find(question["dataset"]), question["item"])
        if question["verb"] == "predict":
            found = [
                {"label": "cup", "score": 0.8, "box": [11, 21, 61, 51]},
                {"label": "cup", "score": 0.6, "box": [0, 0, 9, 9]},
            ]
            return {"rows": [{"file": "0.jpg", "boxes": found}], "milliseconds": 1.0}
        raise client.ServerFailed("It was not measured.")

    monkeypatch.setattr(client, "ask", ask)
    monkeypatch.setattr(client, "start", lambda: None)
    return asked


def dataset(n: int = 2) -> tuple[DatasetFolder, list[str]]:
    made = DatasetFolder.create("boxes", "Cups & <plates>")
    made.add_class("cup")
    return made, [made.add(jpeg(number), f"{number}.jpg") for number in range(n)]


def test_a_data_set_of_boxes_is_begun_and_opened_again() -> None:
    at = opened(SHOWING)
    at.button("show_boxes").click().run()
    assert not at.exception
    found = at.query_params["dataset"]
    made = DatasetFolder.find(found if isinstance(found, str) else found[0])
    assert made.about.kind == "boxes"
    assert made.state().classes == ("Class 1",)
    for number in range(2):
        made.add(jpeg(number), f"{number}.jpg")
    at = opened(SHOWING, dataset=made.id)
    assert "Picture 1 of 2: 0.jpg. 0 are done or have boxes." in text(at)
    at.button("next_picture").click().run()
    assert "Picture 2 of 2: 1.jpg" in text(at)
    [done] = at.checkbox
    assert done.label == "There is nothing on it to find"
    done.check().run()
    assert made.state().items[1].done
    assert "1 are done or have boxes" in text(at)
    at.button("remove_picture").click().run()
    assert [item.name for item in made.state().items] == ["0.jpg"]


def test_a_file_that_is_no_picture_can_be_taken_out() -> None:
    made, _ids = dataset(0)
    made.add(b"words", "notes.txt")
    at = opened(SHOWING, dataset=made.id)
    assert "is no image we can read" in text(at)
    at.button("take_out").click().run()
    assert made.state().items == ()


def test_too_few_boxes_to_train_on_are_a_sentence() -> None:
    made, ids = dataset()
    made.draw(ids[0], (100, 80), Box(**BOX))
    at = opened(SHOWING, dataset=made.id)
    next(button for button in at.button if button.label == "Train it").click().run()
    assert "1 of its pictures have boxes; draw boxes on 4 or more" in text(at)


# --- the widget's messages --------------------------------------------------------------------------


class Told:
    def __init__(self, sent: object):
        self.sent = sent


def test_what_the_browser_sends_is_heard_once_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounted: dict[str, Any] = {}
    monkeypatch.setattr(widget, "_component", lambda: lambda **given: mounted.update(given))
    monkeypatch.setattr(widget.st, "session_state", {})
    (tmp_path / "a.jpg").write_bytes(b"jpeg")
    heard: list[widget.Drawn] = []

    def arrive(sent: object) -> None:
        widget.st.session_state["key"] = Told(sent)
        widget.boxes(tmp_path / "a.jpg", (100, 80), [], ["cup"], name="a", key="key", on_change=heard.append)
        mounted["on_sent_change"]()

    first = {"n": 1, "what": "draw", "box": BOX}
    arrive({"id": "v", "changes": [first]})
    arrive({"id": "v", "changes": [first, {"n": 2, "what": "erase", "box": BOX}]})
    assert [(one.what, one.box) for one in heard] == [("draw", Box(**BOX)), ("erase", Box(**BOX))]
    arrive({"id": "another visit", "changes": [first]})
    assert len(heard) == 3
    nonsense: list[Any] = [
        None,
        7,
        {"n": "9", "what": "draw", "box": BOX},
        {"n": 9, "what": "burn", "box": BOX},
        {"n": 10, "what": "draw", "box": {**BOX, "x0": float("nan")}},
        {"n": 11, "what": "draw", "box": {**BOX, "x0": "1"}},
        {"n": 12, "what": "draw", "box": {**BOX, "id": "x" * 1000}},
        {"n": 13, "what": "draw", "box": None},
    ]
    for sent in (None, [], {"id": "another visit", "changes": "all"}, {"id": "another visit", "changes": nonsense}):
        arrive(sent)
    assert len(heard) == 3


# --- proposals --------------------------------------------------------------------------------------


def test_a_detector_proposes_what_is_not_drawn_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    made, ids = dataset()
    made.draw(ids[0], (100, 80), Box(**BOX))
    monkeypatch.setattr(proposals, "_runs", lambda _task: ["r" * 22])
    monkeypatch.setattr(proposals, "_title", str)
    at = opened(SHOWING, dataset=made.id)
    at.button("previous_picture").click().run()
    at.button("propose").click().run()
    assert not at.exception
    assert "1 box is proposed: accept, move or remove it." in text(at)
    at.button("accept_all").click().run()
    assert not at.exception
    [first, second] = made.state().items[0].boxes
    assert (second.label, second.x1, second.y1) == ("cup", 9, 9)
    assert first == Box(**BOX)


def test_without_a_detector_the_page_says_when_there_is_one() -> None:
    made, _ids = dataset()
    assert "Once a detector is trained on some pictures" in text(opened(SHOWING, dataset=made.id))


# --- my data ----------------------------------------------------------------------------------------


def test_my_data_exports_in_three_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    made, ids = dataset()
    made.draw(ids[0], (100, 80), Box(**BOX))
    monkeypatch.setattr(local_storage, "recent", lambda **_: [made.id])
    at = opened(MY_DATA)
    assert "1 box on 1 picture; 1 is not done" in text(at)
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels == ["Export as COCO JSON", "Export as Pascal VOC", "Export as YOLO"]


def test_looking_through_says_that_it_does_not_take_boxes() -> None:
    made, _ids = dataset()
    assert "this page does not look through boxes" in text(opened("pages/explore.py", dataset=made.id))
