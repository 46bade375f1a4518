"""A file that the gate refuses: the page says which limit it met and what is left, not the number of an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE, served, settle

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    limits = {"HEADSTART_SESSION_BYTES": str(2 << 20), "HEADSTART_VISITOR_BYTES": str(5 << 20)}
    with served(tmp_path_factory.mktemp("refusing"), "host.py", HEADSTART_PUBLIC="1", **limits) as url:
        yield url


def test_a_refused_upload_says_which_limit_and_what_is_left(browser: Browser, hosted: str, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    file.write_bytes(os.urandom(3 << 20))
    context = browser.new_context(base_url=hosted)
    page = context.new_page()
    page.goto("/text?step=data")
    settle(page)
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(file)
    sentence = "a page may hold 2 MiB of files, and 2 are left"
    expect(page.get_by_test_id("stToast").filter(has_text=sentence).first).to_be_visible(timeout=PATIENCE)
    chip = page.get_by_test_id("stFileChip").first
    expect(chip.get_by_role("alert")).to_contain_text(sentence, timeout=PATIENCE)
    chip.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(sentence, timeout=PATIENCE)
    assert "status code" not in page.locator("body").inner_text()
    context.close()
