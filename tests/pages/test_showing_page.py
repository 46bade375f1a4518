"""The pages By showing and My data, and what hands a data set to the five steps."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder, New
from engines.jobs.serving import client
from tests.pages.opening import checked, opened, text
from ui.page import local_storage, uploads
from ui.showing import asking, handover
from ui.widgets.capture import widget

SHOWING, MY_DATA = "pages/showing.py", "pages/my_data.py"


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the warm server is asked; it answers as if it had learnt."""
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        asked.append(question)
        if question["verb"] == "machine":
            raise client.ServerFailed("It was not measured.")
        if question["verb"] != "show":
            return checked(question.get("task", ""))
        state = DatasetFolder.find(question["dataset"]).state()
        knows = sum(n > 0 for n in state.counts.values()) > 1
        return {
            "classes": list(state.classes),
            "counts": state.counts,
            "method": "prototypes" if knows else None,
            "left_out": {"value": 0.9, "low": 0.7, "high": 0.98, "n": 20} if knows else None,
            "curve": [{"k": k, "value": 0.9, "low": 0.7, "high": 0.98, "n": 9} for k in (1, 2)] if knows else [],
            "repeated": state.repeated,
            "unusable": [{"file": "night.jpg", "error": "is black: is the lens covered, or the light off?"}],
            "probabilities": dict.fromkeys(state.classes, 1 / max(1, len(state.classes))),
        }

    monkeypatch.setattr(client, "ask", ask)
    monkeypatch.setattr(client, "start", lambda: None)
    return asked


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data sets that the browser knows; tests add to it."""
    known: list[str] = []
    monkeypatch.setattr(local_storage, "recent", lambda **_: known)
    return known


def query(at: Any, name: str) -> str:
    found = at.query_params[name]
    return found if isinstance(found, str) else found[0]


def pictures(*sizes: int) -> DatasetFolder:
    """A data set of so many pictures of each class."""
    dataset = DatasetFolder.create("pictures", "Cups & <plates>")
    for number, size in enumerate(sizes):
        dataset.add_class(f"Class {number + 1}")
        dataset.add_all([New(bytes([number, i]), f"{i}.jpg", f"Class {number + 1}") for i in range(size)])
    return dataset


def test_a_kind_is_chosen_and_the_address_says_which_data_set() -> None:
    at = opened(SHOWING)
    at.button("show_texts").click().run()
    assert not at.exception
    dataset = DatasetFolder.find(query(at, "dataset"))
    assert dataset.about.kind == "texts"
    assert dataset.state().classes == ("Class 1", "Class 2")


def test_classes_are_named_added_removed_and_every_step_undone() -> None:
    dataset = pictures(2, 3)
    at = opened(SHOWING, dataset=dataset.id)
    assert "5 pictures in 2 classes" in text(at)
    at.text_input("class_0").set_value("Cup").run()
    assert dataset.state().counts == {"Cup": 2, "Class 2": 3}
    next(b for b in at.button if b.label == "Add a class").click().run()
    assert dataset.state().classes == ("Cup", "Class 2", "Class 1")
    at.button("remove_1").click().run()
    assert dataset.state().counts == {"Cup": 2, "Class 1": 0}
    for _ in range(3):
        next(b for b in at.button if b.label == "Undo").click().run()
    assert dataset.state().counts == {"Class 1": 2, "Class 2": 3}
    assert not at.exception


def test_how_well_it_does_stands_beside_what_it_cannot_use() -> None:
    dataset = pictures(2, 3)
    dataset.add(bytes([0, 0]), "again.jpg")
    said = text(opened(SHOWING, dataset=dataset.id))
    assert "**90.0 %** right (70.0 – 98.0 %), of 20 pictures, each left out once" in said
    assert "1 example came again: the same pictures count once." in said
    assert "night.jpg is black\\: is the lens covered, or the light off?" in said
    assert "expect fewer to be right" in said


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [((4, 0), "only one class, Class 1, has examples"), ((4, 1), "it has one example; show two or more")],
)
def test_what_nothing_can_learn_from_is_a_sentence(sizes: tuple[int, ...], sentence: str) -> None:
    at = opened(SHOWING, dataset=pictures(*sizes).id)
    next(b for b in at.button if b.label == "Train it properly").click().run()
    assert sentence in text(at)


def test_sentences_are_typed_a_line_each_and_tried(server: list[dict[str, Any]]) -> None:
    dataset = DatasetFolder.create("texts", "Lines")
    for label in ("Praise", "Question"):
        dataset.add_class(label)
    at = opened(SHOWING, dataset=dataset.id)
    at.text_area("write_text").set_value("Lovely\n\n Very good \n")
    next(b for b in at.button if b.label == "Add them").click().run()
    dataset.add(b"Why?", "why", "Question")
    assert [dataset.text(item) for item in dataset.state().items] == ["Lovely", "Very good", "Why?"]
    at.run()
    at.text_input("try_text").set_value("How?").run()
    assert base64.b64decode(server[-1]["ask"]) == b"How?"
    assert not at.exception


def test_a_data_set_that_is_gone_is_said() -> None:
    assert "there is no data set at this address" in text(opened(SHOWING, dataset="x" * 22))


def test_a_server_that_breaks_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(2, 2)

    def broken(*_: object, **__: object) -> dict[str, Any]:
        raise client.ServerFailed("The helper process stopped.")

    monkeypatch.setattr(client, "ask", broken)
    assert asking.about(dataset, b"x") == {"unclear": "The helper process stopped."}
    assert "What was shown could not be looked at." in text(opened(SHOWING, dataset=dataset.id))


# --- the camera's messages ------------------------------------------------------------------------


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How the component was mounted, in a session of a plain dict."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(widget, "_component", lambda: lambda **given: seen.update(given))
    monkeypatch.setattr(widget.st, "session_state", {})
    return seen


class Told:
    def __init__(self, sent: object):
        self.sent = sent


def test_what_the_browser_sends_is_kept_once_and_answered(mounted: dict[str, Any]) -> None:
    kept: list[widget.Kept] = []
    target = widget.Target("cup", "cup", "0 pictures")

    def arrive(sent: object) -> dict[str, Any]:
        widget.st.session_state["camera"] = Told(sent)
        widget.capture(
            "pictures",
            [target],
            key="camera",
            on_kept=kept.append,
            answer=lambda content: {"probabilities": {"cup": len(content)}},
        )
        mounted["on_sent_change"]()
        widget.capture("pictures", [target], key="camera", on_kept=kept.append, answer=None)
        return dict(mounted["data"]["answer"] or {})

    packed = base64.b64encode(b"jpeg").decode()
    burst = {"id": "1-1", "what": "kept", "target": "cup", "items": [packed, "no base64!", 7]}
    assert arrive(burst) == {"id": "1-1"}
    assert arrive(burst) == {"id": "1-1"}, "sent once more"
    assert kept == [widget.Kept("cup", [b"jpeg"], ".jpg")]
    assert arrive({"id": "1-2", "what": "frame", "content": packed}) == {"id": "1-2", "probabilities": {"cup": 4}}
    assert arrive(["nonsense"]) == {"id": "1-2", "probabilities": {"cup": 4}}
    assert len(kept) == 1


# --- used again -----------------------------------------------------------------------------------


def test_the_list_says_what_there_is_and_deletes_with_a_way_back(ids: list[str]) -> None:
    dataset = pictures(2, 3)
    ids += [dataset.id, "y" * 22]
    at = opened(MY_DATA)
    said = text(at)
    assert "5 pictures in 2 classes" in said
    assert dataset.sha256[:12] in said
    assert "Cups & <plates>" not in said, "a name is no markup"
    at.button(f"delete_{dataset.id}").click().run()
    assert handover.known(dataset.id) is None
    at.button("undo").click().run()
    assert DatasetFolder.find(dataset.id).state().counts == {"Class 1": 2, "Class 2": 3}
    assert not at.exception


@pytest.mark.usefixtures("ids")
def test_an_empty_list_says_where_to_begin() -> None:
    assert "No data yet." in text(opened(MY_DATA))


def test_a_link_brings_a_data_set_to_a_task_and_keeps_it_in_one_place(server: list[dict[str, Any]]) -> None:
    dataset = pictures(2, 3)
    at = opened("pages/vision.py", dataset=dataset.id, step="data")
    data_id = query(at, "data")
    origin = uploads.origin(data_id)
    assert origin.title == "Cups & <plates>"
    assert str(dataset.path) in origin.path
    assert "dataset" not in at.query_params
    assert [question["data"] for question in server if question["verb"] == "check"] == [origin.path]


def test_a_data_step_offers_what_it_can_learn_from(ids: list[str]) -> None:
    dataset, sentences = pictures(2, 2), DatasetFolder.create("texts", "Lines")
    ids += [sentences.id, dataset.id]
    at = opened("pages/vision.py", step="data")
    keys = [button.key for button in at.button]
    assert f"use_{dataset.id}" in keys
    assert f"use_{sentences.id}" not in keys
    at.button(f"use_{dataset.id}").click().run()
    assert uploads.origin(query(at, "data")).title == "Cups & <plates>"


def test_speech_is_told_what_its_column_means() -> None:
    dataset = DatasetFolder.create("sounds", "Said")
    dataset.add_all([New(bytes([i]), f"{i}.wav", f"sentence {i}") for i in range(3)])
    assert uploads.exists(handover.take(dataset, "speech.transcription"))
    with pytest.raises(InputError, match="class sentence 0: it has one example"):
        handover.take(dataset, "speech.speaker")
