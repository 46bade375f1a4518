"""A page is drawn in the language of the address, of a choice at its foot, or of the browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.opening import opened, text


def switch(at: AppTest) -> AppTest:
    (found,) = [each for each in at.segmented_control if each.key == "language_switch"]
    return found  # type: ignore[no-any-return]


def test_without_a_word_it_is_english() -> None:
    at = opened("pages/runs.py")
    assert at.title[0].value == "Runs"
    assert switch(at).value == "en"


def test_the_address_says_which() -> None:
    at = opened("pages/runs.py", lang="de")
    assert at.title[0].value == "Läufe"
    assert "Zwei Läufe" in text(at) or "Lauf" in text(at)


def test_an_unknown_one_is_english() -> None:
    assert opened("pages/runs.py", lang="xx").title[0].value == "Runs"


def test_the_switch_changes_the_page_and_stays() -> None:
    at = opened("pages/runs.py")
    switch(at).set_value("de").run()
    assert at.title[0].value == "Läufe"
    at.switch_page("pages/privacy.py").run()
    assert at.title[0].value == "Datenschutz"
    switch(at).set_value("en").run()
    assert at.title[0].value == "Privacy"


@pytest.mark.parametrize("page", ["pages/kinds.py", "pages/evidence.py", "pages/showing.py", "pages/glossary.py"])
def test_pages_are_drawn_whole(page: str) -> None:
    at = opened(page, lang="de")
    assert not at.exception
    assert "could not" not in text(at)
