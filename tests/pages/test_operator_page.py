"""The operator's page: there with a token alone, in no navigation, numbers without anybody's name."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, runs
from engines.hosting import operation, usage
from engines.hosting.operation import Operation
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from ui.hosting import operator_page

PAGE, TOKEN = "pages/operating.py", "a-token-that-nobody-guesses"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_OPERATOR_TOKEN", TOKEN)
    monkeypatch.setattr(operator_page, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(operation, "_counted", operation.Counter())


def said(token: str) -> AppTest:
    at = opened(PAGE)
    at.text_input[0].input(token)
    press(at, "Open")
    return at


def test_a_wrong_token_shows_nothing_and_is_counted() -> None:
    at = said("a-token-that-nobody-knows!")
    assert "This is not the token of this host" in text(at)
    assert not at.metric
    assert operation.counted()[1] == {"token": 1}


def test_the_right_one_shows_numbers_and_nobody() -> None:
    usage.spend("ann" * 8, "runs", 1, 0)
    run = finished_run.write(paths.runs() / runs.new_id())
    operation.count("rate")
    operation.count("ZeroDivisionError")
    at = said(TOKEN)
    assert {metric.label: metric.value for metric in at.metric}.items() >= {("Visitors today", "1"), ("Waiting", "0")}
    tables = " ".join(str(table.value) for table in [*at.dataframe, *at.table])
    assert "requests above a visitor's rate" in tables
    assert "ZeroDivisionError" in tables
    everything = str(at._tree) + text(at) + tables
    assert run.id not in everything
    assert "ann" * 8 not in everything


def test_its_buttons_say_what_holds() -> None:
    at = said(TOKEN)
    for label, chosen, sentence in (
        ("Pause", Operation.PAUSED, "Paused: runs are taken and wait, none begins."),
        ("Drain", Operation.DRAINING, "Draining: no run is taken; those that are here end."),
        ("Resume", Operation.OPEN, "Runs are taken and begin."),
    ):
        press(at, label)
        assert operation.state() is chosen
        assert sentence in text(at)


def test_it_is_in_no_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "operator" not in text(opened("pages/privacy.py")).lower()
    monkeypatch.setenv("HEADSTART_OPERATOR_TOKEN", "")
    assert "Token" not in {field.label for field in AppTest.from_file(str(paths.PROJECT / PAGE)).run().text_input}
