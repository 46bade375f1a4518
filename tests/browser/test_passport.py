"""The report of every recorded run, opened as a file: it asks for nothing, can be read by all, and fits a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from engines import paths
from tests.browser.test_accessibility import THEMES, violations
from ui.page import recorded

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("run", recorded.ids())
def test_a_report_is_whole_readable_and_narrow(run: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    page.goto((paths.showcase() / run / "report.html").as_uri())
    assert set(asked) <= {"file", "data"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for scheme in THEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == []
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.close()
