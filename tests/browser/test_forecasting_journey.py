"""Forecasting from an upload to a downloaded forecast, in a real browser with real training."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from engines.forecasting import samples
from tests.browser.conftest import PATIENCE, TRAINING, picture, press, settle, visit

pytestmark = [pytest.mark.browser, pytest.mark.weights]

Visitor = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The air passengers as somebody in Europe might keep them: semicolons, day and month as numbers, a gap."""
    source = samples.make("passengers", tmp_path_factory.mktemp("sample"))
    rows = list(csv.reader(source.open(encoding="utf-8")))[1:]
    lines = ["Monat;Fluggäste"]
    for number, (month, value) in enumerate(rows):
        if number != 40:
            lines.append(f"01/{month[5:7]}/{month[:4]};{value}")
    path = tmp_path_factory.mktemp("upload") / "my flights é.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_upload_answer_train_result_and_download(visitor: Visitor, table: Path, tmp_path: Path) -> None:
    page = visitor().new_page()
    visit(page, "/forecasting?step=data&set=epochs:2&set=arima:false&set=windows:16")
    main = page.get_by_test_id("stMain")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(table)
    expect(main).to_contain_text("may be read with the day or the month first", timeout=PATIENCE)
    page.get_by_role("radio", name="day first").click()
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)
    expect(main).to_contain_text("143 observations")
    expect(main).to_contain_text("1 gap, 1 missing step")
    expect(main).to_contain_text("Taken apart")
    picture(page, "forecasting-data")

    press(page, "Train now")
    page.locator(".st-key-live_run").wait_for()
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("beats seasonal naive")
    expect(main).to_contain_text("95 % interval")
    page.locator(".js-plotly-plot").nth(2).wait_for()

    slider = page.get_by_role("slider").first
    newest = slider.get_attribute("aria-valuetext")
    slider.press("ArrowLeft")
    settle(page)
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") != newest

    page.get_by_role("button", name="Forecast", exact=True).click()
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Forecast as CSV").click(timeout=PATIENCE)
    download.value.save_as(tmp_path / "forecast.csv")
    rows = list(csv.DictReader((tmp_path / "forecast.csv").open(encoding="utf-8")))
    assert [row["ds"] for row in rows] == [f"1961-{month:02d}-01" for month in range(1, 13)]
    assert all(float(row["low_80"]) <= float(row["forecast"]) <= float(row["high_80"]) for row in rows)

    page.get_by_text("Details: how it learnt").click()
    page.get_by_role("button", name="Find out").click()
    expect(main).to_contain_text("completeness error", timeout=PATIENCE)

    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Model", exact=True).click()
    download.value.save_as(tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert {"model.safetensors", "forecaster.py", "config.json"} <= {Path(n).name for n in archive.namelist()}

    run = re.search(r"run=([\w-]{22})", page.url)
    assert run
    headline = page.locator(".st-key-verdict").inner_text()
    elsewhere = visitor(width=390, color_scheme="dark").new_page()
    visit(elsewhere, f"/forecasting?run={run.group(1)}")
    assert elsewhere.locator(".st-key-verdict").inner_text() == headline
    assert elsewhere.evaluate("document.documentElement.scrollWidth") <= 390
