"""Text in a real browser: a table brought, a head trained, its errors read, the model carried home."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests import tiny_text
from tests.browser.conftest import PATIENCE, TRAINING, picture, press, settle, visit

pytestmark = [pytest.mark.browser, pytest.mark.weights]


def test_from_a_table_to_a_model_that_is_carried_home(visitor: Callable[..., BrowserContext], tmp_path: Path) -> None:
    rows = [f"{text}\t{label}\t{label != 'good'}" for text, label in tiny_text.reviews(20)]
    table = tmp_path / "what people say.csv"  # tabs, whatever its name says; Windows' letters; a row without a text
    table.write_bytes("\r\n".join(["opinion\tclass\tblame", *rows, "\tgood\tFalse"]).encode("cp1252"))
    page = visitor().new_page()
    visit(page, "/text?step=data&set=epochs:5&set=baseline:none")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(table)
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("60 texts in 3 classes")
    expect(main).to_contain_text("1 left out, and why")
    expect(page.get_by_role("combobox", name="Classes")).to_have_value("class")
    picture(page, "text-data")

    press(page, "Train now")
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("counting words")
    expect(main).to_contain_text("Its most confident mistakes")
    page.get_by_label("A sentence of yours").fill("The soup was superb and charming today.")
    page.keyboard.press("Control+Enter")
    expect(main).to_contain_text("Answered in", timeout=PATIENCE)
    page.get_by_role("button", name="Which words decided?").click()
    expect(main).to_contain_text("completeness error", timeout=PATIENCE)
    page.get_by_text("Details: how it learnt").click()
    page.get_by_text("A map of the test texts").click()
    expect(main).to_contain_text("Texts that the network takes for alike")
    settle(page)

    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Model", exact=True).click()
    saved = tmp_path / "model.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        assert {"model.safetensors", "config.json", "tokenizer.json", "pooled.py", "README.md"} <= names.keys()
        assert set(json.loads(archive.read(names["config.json"]))["id2label"].values()) == set(tiny_text.CLASSES)
