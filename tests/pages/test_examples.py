"""Who has nothing at hand tries a recorded model on an example of its own test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.jobs.serving import client
from tests.pages.opening import opened, press, text
from ui.page import recorded


def asked(monkeypatch: pytest.MonkeyPatch, row: dict[str, Any]) -> list[list[bytes]]:
    """Puts an answer in place of the warm server; the files that each question is about."""
    found: list[list[bytes]] = []

    def ask(question: dict[str, Any], _: object = None) -> dict[str, Any]:
        data = Path(question["data"])
        files = sorted(data.iterdir()) if data.is_dir() else [data]
        found.append([file.read_bytes() for file in files])
        return {"rows": [row | {"file": files[0].name}], "milliseconds": 3.0}

    monkeypatch.setattr(client, "ask", ask)
    return found


def test_a_clip_of_the_test_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, {"label": "the museum", "before": "the musem", "seconds": 2.0})
    at = opened("pages/speech.py", run="recorded_scottish_s_00")
    pills = at.pills(key="try_example")
    assert len(pills.options) == 3
    pills.set_value(pills.options[0]).run()
    assert not at.exception
    assert found[-1][0][:4] == b"OggS"
    assert "the museum" in text(at)


def test_a_picture_of_the_test_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, {"label": "3", "probabilities": {"3": 0.9, "5": 0.1}})
    at = opened("pages/vision.py", run="recorded_digits_seed_0")
    pills = at.pills(key="try_example")
    pills.set_value(pills.options[1]).run()
    assert not at.exception
    assert found[-1][0][:2] == b"\xff\xd8"


def test_a_text_of_the_test_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, {"label": "negative", "probabilities": {"negative": 0.8, "positive": 0.2}})
    at = opened("pages/text.py", run="recorded_films_seed_00")
    pills = at.pills(key="try_example")
    assert len(pills.options) == 2  # one of each class
    pills.set_value(pills.options[0]).run()
    assert not at.exception
    assert b'"text": "' in found[-1][0]


@pytest.mark.parametrize("here", [True, False])
def test_pictures_that_are_not_ours_to_pass_on_are_offered_where_the_sample_is(
    here: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "plants").mkdir()
    (tmp_path / "plants/flowers-bolsom.png").write_bytes(b"a picture")
    monkeypatch.setattr(recorded, "_sample_folder", lambda _task, _name: tmp_path if here else None)
    found = asked(monkeypatch, {"label": "animals", "probabilities": {"animals": 0.9, "plants": 0.1}})
    at = opened("pages/vision.py", run="recorded_photographs_0")
    if not here:
        assert not at.pills
        return
    pills = at.pills(key="try_example")
    assert len(pills.options) == 1, "what is not there is not offered"
    pills.set_value(pills.options[0]).run()
    assert not at.exception
    assert found == [[b"a picture"]]


def test_a_question_of_the_test_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[dict[str, Any]] = []

    def stream(question: dict[str, Any]) -> Iterator[str]:
        questions.append(question)
        yield "At nine."

    monkeypatch.setattr(client, "stream", stream)
    at = opened("pages/text.py", run="recorded_museum_seed_0")
    pills = at.pills(key="try_example")
    assert len(pills.options) == 3
    pills.set_value(pills.options[0]).run()
    assert not at.exception
    assert [each["who"] for each in questions] == ["tuned", "base"]
    assert questions[0]["messages"] == [{"role": "user", "content": "How much is a ticket?"}]
    at.chat_input[0].set_value("And for a child?").run()
    assert [each["messages"][-1]["content"] for each in questions[2:]] == ["And for a child?"] * 2
    press(at, "New chat")
    assert len(questions) == 4
    assert at.pills(key="try_example").value is None
