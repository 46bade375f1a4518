"""The map of transfer in a real browser: a kind is pressed, its sample trained, and the run stands on the map."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import PATIENCE, TRAINING, picture, settle, visit
from tests.browser.test_accessibility import put_on, violations

pytestmark = [pytest.mark.browser, pytest.mark.weights]


def test_from_the_map_to_a_trained_model_in_two_presses_and_back(visitor: Callable[..., BrowserContext]) -> None:
    page = visitor().new_page()
    visit(page, "/kinds")
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("recorded with Headstart")
    picture(page, "kinds")

    cell = page.locator("svg.wide").get_by_role("button", name="Zero-shot: nothing of yours is learnt from, 0 runs")
    cell.focus()
    page.keyboard.press("Enter")  # the first press
    expect(page).to_have_url(re.compile("kind=zero-shot"))
    settle(page)
    expect(main).to_contain_text("Good or bad, by these two words alone.")

    page.get_by_role("button", name="Train it").first.click()  # the second
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    assert "/text?" in page.url

    visit(page, "/kinds")
    expect(main).to_contain_text("Zero-shot: your runs")
    expect(main).to_contain_text("Nothing learnt: the target's labels were used for the test alone.")
    page.locator("svg.wide").get_by_role("button", name="Zero-shot: nothing of yours is learnt from, 1 run").wait_for()


def test_films_meet_products_without_labels(visitor: Callable[..., BrowserContext]) -> None:
    page = visitor().new_page()
    visit(page, "/kinds?kind=transductive")
    main = page.get_by_test_id("stMain")
    example = "Learns from film reviews, and adapts to product reviews"
    expect(main).to_contain_text(example, timeout=PATIENCE)  # the browser says first which runs it knows
    page.get_by_role("button", name="Train it").click()
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    assert "/text?" in page.url
    expect(main).to_contain_text("In the new domain, without labels")
    expect(main).to_contain_text("By the labels of 800 texts there, which no method has read.")
    expect(main).to_contain_text("Self-training")
    expect(main).to_contain_text("■ Before")
    expect(main).to_contain_text("■ Adapted")
    assert violations(page) == []

    visit(page, "/kinds?kind=transductive")
    page.locator("svg.wide").get_by_role("button", name="Transductive: same task, no labels, 1 run").wait_for(
        timeout=PATIENCE
    )
    expect(main).to_contain_text("Transductive: your runs")


def test_the_map_on_a_phone(visitor: Callable[..., BrowserContext]) -> None:
    page = visitor(width=390).new_page()
    visit(page, "/kinds?kind=transductive")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("svg.wide").first).to_be_hidden()
    page.locator("svg.narrow").get_by_role("button", name="Unsupervised").click()
    expect(page.get_by_test_id("stMain")).to_contain_text("Nobody has named a class.")
    for scheme in ("light", "dark"):
        put_on(page, scheme)
        assert violations(page) == []
