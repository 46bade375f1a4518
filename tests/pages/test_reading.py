"""What was guessed of the data is shown on the Data step; saying otherwise, or answering, reads them anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines.contract import InputError, Problem
from engines.jobs.serving import client
from tests.pages.opening import File, checked, opened, press, text
from ui.page import uploads

TASK, PAGE = "vision.classification", "pages/vision.py"
SETTING = "accept_guesses"  # every task has it; the page does not care which setting a guess names
GUESSES = [
    {"what": "parts", "value": "false", "alternatives": ["true"], "setting": SETTING, "why": "By the folders' names."},
    {"what": "labels", "value": "folders", "alternatives": [], "setting": None, "why": ""},
]
QUESTION = Problem(
    f"setting {SETTING}", "two columns hold words", "say whether to take the likelier", choices=("true", "false")
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The settings with which the data were read, time after time; where none is given, it is asked."""
    found: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        if question["verb"] == "machine":
            return {"macs_per_second": 1e10, "device_name": "a test"}
        found.append(question.get("settings", {}))
        if not found[-1]:
            raise InputError(QUESTION)
        value = str(found[-1][SETTING]).lower()
        return checked(TASK, read_as=[{**GUESSES[0], "value": value, "alternatives": ["false"]}])

    monkeypatch.setattr(client, "ask", ask)
    return found


def brought(read_as: list[dict[str, Any]] | None) -> AppTest:
    """The Data step over an upload; already read where `read_as` says how."""
    data = uploads.keep([File("data.zip", b"1")])
    if read_as is not None:
        (uploads.folder(data) / "report.json").write_text(json.dumps(checked(TASK, read_as=read_as)))
    return opened(PAGE, data=data, step="data")


def test_guesses_are_shown_with_why_and_those_that_can_be_changed_offer_it() -> None:
    at = brought(GUESSES)
    choice = at.selectbox(key=f"read_as_{SETTING}")
    assert (choice.label, choice.value, choice.options) == ("Parts", "false", ["false", "true"])
    assert choice.help == "By the folders' names."
    assert ":small[Labels]  \n**folders**" in text(at)
    assert [box.label for box in at.selectbox] == ["Parts"]


def test_data_of_which_nothing_was_guessed_have_no_such_card() -> None:
    assert "**Read as**" not in text(brought([]))


def test_another_reading_goes_into_the_address_and_the_data_are_read_anew(asked: list[dict[str, Any]]) -> None:
    at = brought(GUESSES)
    assert asked == []
    at.selectbox(key=f"read_as_{SETTING}").set_value("true").run()
    assert at.query_params["set"] == f"{SETTING}:true"
    assert asked == [{SETTING: True}]
    assert at.selectbox(key=f"read_as_{SETTING}").value == "true"


def test_a_question_offers_its_choices_and_the_answer_reads_the_data(asked: list[dict[str, Any]]) -> None:
    at = brought(None)
    assert "two columns hold words; say whether to take the likelier" in text(at)
    assert "Train now" not in text(at)
    choice = at.segmented_control(key=f"answer_{SETTING}")
    assert choice.options == ["true", "false"]
    choice.set_value("true").run()
    assert asked[-1] == {SETTING: True}
    assert at.query_params["set"] == f"{SETTING}:true"
    assert "Train now" in text(at)


def test_who_said_something_that_does_not_work_goes_back_to_the_usual_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(question: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        if question.get("settings"):
            raise InputError(Problem("data.zip", "no class is left", "another reading"))
        return checked(TASK, read_as=GUESSES)

    monkeypatch.setattr(client, "ask", refuse)
    data = uploads.keep([File("data.zip", b"1")])
    at = opened(PAGE, data=data, step="data", set=f"{SETTING}:true")
    assert "no class is left" in text(at)
    press(at, "Read it the usual way again")
    assert "set" not in at.query_params
    assert "**Read as**" in text(at)
