"""Look through in a real browser: a sample mapped, labelled with keys, left and found again, and trained on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE, TRAINING, press, settle, visit
from tests.browser.test_accessibility import violations

STATE = "data-test-script-state"

pytestmark = [pytest.mark.browser, pytest.mark.weights]


def look_at(page: Page, view: str) -> None:
    page.get_by_role("radio", name=view, exact=True).click()
    page.mouse.move(0, 0)  # what the mouse is on is drawn in other colours
    settle(page)


def test_from_digits_without_labels_to_a_run(visitor: Callable[..., BrowserContext]) -> None:
    page = visitor().new_page()
    visit(page, "/explore")
    main = page.get_by_test_id("stMain")
    page.locator(".st-key-look_through_digits").get_by_role("button").click()  # they are always here
    expect(main).to_contain_text("400 photographs, 0 labelled", timeout=PATIENCE)
    settle(page)
    assert violations(page) == []
    look_at(page, "Groups")
    expect(main).to_contain_text("Group 8")
    assert violations(page) == []
    look_at(page, "Odd ones")
    expect(main).to_contain_text("Unlike the others: 12")
    assert violations(page) == []

    look_at(page, "Label these first")
    for name in ("round", "straight"):
        page.get_by_label("class", exact=False).first.fill(name)
        page.get_by_role("button", name="Add the class").click()
        page.get_by_role("button", name=f"· {name}").wait_for()
        settle(page)
    page.get_by_role("heading", level=1).click()  # nothing is being typed
    for number, key in enumerate("121212121", start=1):
        page.keyboard.press(key)
        expect(main).to_contain_text(f"{number} labelled", timeout=PATIENCE)
        expect(page.get_by_test_id("stApp")).to_have_attribute(STATE, "notRunning", timeout=PATIENCE)
    page.keyboard.press("u")
    expect(main).to_contain_text("8 labelled", timeout=PATIENCE)
    expect(main).to_contain_text("named correctly", timeout=PATIENCE)
    expect(main.get_by_test_id("stPlotlyChart")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert violations(page) == []

    page.reload()
    expect(main).to_contain_text("8 labelled", timeout=PATIENCE)
    expect(main).to_contain_text("4 round, 4 straight")
    press(page, "Train it properly")
    page.get_by_role("button", name="Train now").click(timeout=PATIENCE)
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
