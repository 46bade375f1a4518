"""Pictures told apart by the names of their classes, in a real browser, with a small CLIP in the hub's own format."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests import tiny_clip
from tests.browser.conftest import PATIENCE, TRAINING, picture, press, settle, visit
from tests.browser.test_accessibility import put_on, violations
from tests.pages.opening import File
from tests.vision.models.test_image_text import pictures
from ui.page import uploads

pytestmark = pytest.mark.browser


@pytest.fixture
def brought(home: Path, tmp_path: Path) -> str:
    """The id of an upload of pictures, one class of which is called by a code."""
    folder = pictures(tmp_path / "pictures", {"red": "class_3"})
    packed = Path(shutil.make_archive(str(tmp_path / "colours"), "zip", folder))
    tiny_clip.write(home / "models", "tiny-clip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(home))
        return uploads.keep([File("colours.zip", packed.read_bytes())])


def test_from_a_code_to_a_word_to_a_result(visitor: Callable[..., BrowserContext], brought: str) -> None:
    page = visitor().new_page()
    query = f"data={brought}&strategy=zero-shot&set=baseline:none"
    visit(page, f"/vision?{query}&step=strategy&model=clip-vit-base-patch32")
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("What is looked for", timeout=PATIENCE)
    settle(page)
    picture(page, "naming")

    visit(page, f"/vision?{query}&step=strategy&model=tiny-clip")
    expect(main).to_contain_text("'class_3': codes say nothing to this network.", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    for scheme in ("light", "dark"):
        put_on(page, scheme)
        assert violations(page) == []
    field = page.get_by_role("textbox", name="class_3 is called")
    field.fill("red")
    field.press("Enter")
    expect(page.get_by_role("button", name="Start training")).to_be_enabled(timeout=PATIENCE)
    settle(page)
    press(page, "Start training")
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    expect(main).to_contain_text("100.0 %")
