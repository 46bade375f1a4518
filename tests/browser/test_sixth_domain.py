"""A sixth domain in a real browser: it has no page of its own, and the page that every domain has will do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from templates.task import samples
from tests.browser.conftest import PATIENCE, TRAINING, press, served, settle, visit
from tests.test_sixth_domain import sixth_domain

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, which knows the sixth domain."""
    settings = sixth_domain(tmp_path_factory.mktemp("outside"))
    with served(tmp_path_factory.mktemp("sixth-home"), **settings) as url:
        yield url


def downloaded(page: Page, button: str) -> bytes:
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_from_a_table_to_model_card_and_script(visitor: Callable[..., BrowserContext], tmp_path: Path) -> None:
    lines = samples.make(tmp_path).read_text(encoding="utf-8-sig").splitlines()
    table = tmp_path / "pump house 3.csv"
    table.write_text("\n".join([*lines, lines[-1].replace("knocking", "")]), encoding="utf-8")
    page = visitor().new_page()
    visit(page, "/")
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("Tell the vibrations of a machine apart")
    visit(page, "/sixth?set=epochs:5")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vibrations")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(table)
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)
    expect(main).to_contain_text("100 signals in 4 classes")
    expect(main).to_contain_text("1 left out, and why")
    assert page.locator("img[src^='data:image']").count() >= 4

    press(page, "Choose a model")
    expect(main).to_contain_text("Takes 64 numbers in a row")
    press(page, "Next: how much should learn?")
    expect(main).to_contain_text("on this machine", timeout=PATIENCE)
    press(page, "Start training")
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("From scratch", timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("95 % interval")

    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(table)
    expect(main).to_contain_text("Answered in", timeout=PATIENCE)
    page.get_by_role("button", name="Which moments decided?").click()
    expect(main).to_contain_text("Leave-one-moment-out", timeout=PATIENCE)

    settle(page)  # a page that is still drawn closes what is opened on it
    page.get_by_text("Model card").click()
    settle(page)
    card = downloaded(page, "README.md").decode()
    assert "pipeline_tag: tabular-classification" in card
    assert "beating, fading, knocking, rising" in card
    assert "from network import Network" in card
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Script"))) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        assert {"train.py", "signals.csv", "network.py", "pretrained.safetensors", "requirements.txt"} == names.keys()
        script = archive.read(names["train.py"]).decode()
        assert len(archive.read(names["signals.csv"]).splitlines()) == 1 + 100
    assert "'classes': ['beating', 'fading', 'knocking', 'rising']" in script
    compile(script, "train.py", "exec")
