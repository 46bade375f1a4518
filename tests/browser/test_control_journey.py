"""Control from sliders to a downloaded policy, in a real browser with real, tiny training."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from engines.control.simulation.target import Target
from tests.browser.conftest import PATIENCE, TRAINING, picture, press, settle, visit

pytestmark = pytest.mark.browser

Visitor = Callable[..., BrowserContext]
TINY = "set=real_steps:200&set=sim_steps:400&set=repeats:2&set=episodes:3&set=epochs:2&set=baseline:none"


def slide(page: Page, slider: str, key: str, times: int) -> None:
    """Moves a slider with the keyboard, and waits until the page has followed each step."""
    for _ in range(times):
        found = page.get_by_role("slider", name=slider).first
        before = found.get_attribute("aria-valuetext")
        found.press(key)
        expect(page.get_by_role("slider", name=slider).first).not_to_have_attribute("aria-valuetext", before or "")
        settle(page)


def test_sliders_train_result_and_download(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor().new_page()
    visit(page, f"/control?step=data&{TINY}")
    main = page.get_by_test_id("stMain")
    slide(page, "Delay", "ArrowRight", 1)
    expect(main).to_contain_text("It differs in 1 value: delay 1 step (simulator 0)")
    press(page, "Use this robot")
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)
    expect(main).to_contain_text("Pendulum, 1 value unlike the simulator's")
    films = page.locator("[data-testid=stImage] img")
    expect(films).to_have_count(2)
    assert all(source.evaluate("picture => picture.naturalWidth") > 100 for source in films.all())
    picture(page, "control-data")

    page.get_by_role("radio", name="Strategy").click()
    expect(main).to_contain_text("How should it cross the gap?")
    expect(main).to_contain_text("200 real steps")
    page.get_by_role("radio", name="Tune on the robot").click()
    expect(page).to_have_url(re.compile("strategy=full"))
    page.get_by_role("radio", name="Measure, then tune").click()
    expect(page).to_have_url(re.compile("strategy=identified"))
    settle(page)
    press(page, "Start training")
    page.locator(".st-key-live_run").wait_for()
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("95 % interval")
    expect(main).to_contain_text("Real steps in each repeat")
    expect(main).to_contain_text("Which physics your robot has")
    expect(main).to_contain_text("completeness error")
    page.get_by_text("Details: how it learnt").click()
    page.locator(".js-plotly-plot").nth(3).wait_for()
    expect(page.locator("[data-testid=stImage] img")).to_have_count(3)

    page.get_by_role("button", name="What would it do?").click()
    expect(page.locator("[data-testid=stMarkdown]").filter(has_text=re.compile(r"^■ torque"))).to_be_visible(
        timeout=PATIENCE
    )

    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Script", exact=True).click()
    download.value.save_as(tmp_path / "script.zip")
    with zipfile.ZipFile(tmp_path / "script.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        assert any(name.endswith(".py") for name in names)
        target = next(name for name in archive.namelist() if name.endswith("target.json"))
        archive.extract(target, tmp_path)
    assert Target.read(tmp_path / target).delay == 1

    run = re.search(r"run=([\w-]{22})", page.url)
    assert run
    headline = page.locator(".st-key-verdict").inner_text()
    elsewhere = visitor(width=390, color_scheme="dark").new_page()
    visit(elsewhere, f"/control?run={run.group(1)}")
    assert elsewhere.locator(".st-key-verdict").inner_text() == headline
    assert elsewhere.evaluate("document.documentElement.scrollWidth") <= 390
