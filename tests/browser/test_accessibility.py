"""Everybody can read and reach every page: axe-core finds nothing serious, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import visit
from tests.pages.opening import File
from ui.page import uploads

pytestmark = pytest.mark.browser

Visitor = Callable[..., BrowserContext]
OTHERS = ("text", "speech", "forecasting", "control")
THEMES = ("light", "dark")
RATIO = """(e) => {
  const numbers = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => numbers(c).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ink = light(getComputedStyle(e).color), ground = light(getComputedStyle(e).backgroundColor);
  return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
}"""


@pytest.fixture(scope="module")
def texts(home: Path) -> str:
    """The id of an upload that nobody has looked at yet."""
    rows = [f"{'a fine day' if i % 2 else 'a bad day'} number {i},{'good' if i % 2 else 'bad'}" for i in range(60)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(home))
        return uploads.keep([File("days.csv", "\n".join(["text,label", *rows]).encode())], (".csv",))


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical, in words."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {violation['id']}: {node['html'][:120]} {node['failureSummary']}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


def put_on(page: Page, scheme: str) -> None:
    """The page follows the system's theme at once."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.wait_for_function(
        "(s) => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === s", arg=scheme
    )


def test_nothing_serious_is_wrong_on_any_page_and_step_in_both_themes(
    visitor: Visitor, finished: str, compared: str, texts: str
) -> None:
    page = visitor().new_page()
    steps = [f"/vision?step={step}" for step in ("data", "model", "strategy", "train", "result")]
    steps += [f"/{domain}?step={step}" for domain in OTHERS for step in ("data", "strategy", "result")]
    brought = [f"/text?data={texts}&step={step}" for step in ("data", "strategy")]
    found: list[str] = []
    own = [f"/vision?run={finished}", f"/vision?run={finished}&step=train", f"/vision?run={compared}"]
    for path in ("/", "/runs", "/kinds", "/evidence", "/story", "/glossary", *steps, *brought, *own):
        visit(page, path)
        if "data=" in path and "step=strategy" in path:
            page.get_by_text("Settings", exact=True).click()
            page.get_by_role("textbox", name="Passes over the data").wait_for()
        for scheme in THEMES:
            put_on(page, scheme)
            found += violations(page)
    assert found == []


def test_a_button_stays_readable_under_the_mouse_and_shows_where_the_keyboard_is(visitor: Visitor) -> None:
    page = visitor().new_page()
    visit(page, "/vision?step=data")
    button = page.get_by_role("button", name="Use this sample").first
    for scheme in THEMES:
        put_on(page, scheme)
        page.mouse.move(0, 0)
        page.wait_for_function("(e) => e.getAnimations().length === 0", arg=button.element_handle())
        assert button.evaluate(RATIO) >= 4.5
        button.hover()
        page.wait_for_function("(e) => e.getAnimations().length === 0", arg=button.element_handle())
        assert button.evaluate(RATIO) >= 4.5
    page.get_by_role("radio", name="Model").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_phone_shows_where_else_one_can_go(visitor: Visitor) -> None:
    page = visitor(width=390).new_page()
    visit(page, "/vision?step=data")
    assert page.title() == "Vision · Headstart"
    assert violations(page) == []
    page.locator(".st-key-phone_navigation").get_by_role("link", name="Runs").click()
    page.get_by_role("heading", name="Runs", level=1).wait_for()
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(page.locator(".st-key-phone_navigation")).to_be_hidden()
