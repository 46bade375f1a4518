"""A chatbot in a real browser: conversations brought, a network taught, talked with, and carried home."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests import tiny_text, tiny_writers
from tests.browser.conftest import PATIENCE, TRAINING, press, settle, visit

pytestmark = pytest.mark.browser


def test_from_conversations_to_a_chatbot_that_is_carried_home(
    visitor: Callable[..., BrowserContext], home: Path, tmp_path: Path
) -> None:
    tiny_text.write_llama(home / "models")
    chats = tmp_path / "desk.csv"  # semicolons, a byte order mark, and a question without an answer
    rows = [f"{question};{answer}" for question, answer in tiny_writers.SUMS]
    chats.write_bytes("\n".join(["asked;answered", *rows, "And then?;"]).encode("utf-8-sig"))
    page = visitor().new_page()
    visit(page, "/text?task=text.generation&step=data&model=tiny-llama&set=epochs:1&set=forgetting:false")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(chats)
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    settle(page)
    main = page.get_by_test_id("stMain")
    expect(main).to_contain_text("36 conversations")
    expect(main).to_contain_text("1 left out, and why")
    expect(page.get_by_role("combobox", name="Questions")).to_have_value("asked")

    press(page, "Train now")
    page.locator(".st-key-verdict").wait_for(timeout=TRAINING)
    settle(page)
    expect(main).to_contain_text("the model as it came")
    expect(main).to_contain_text("Test questions, answered before and after")

    page.get_by_role("textbox", name="Ask it something").fill("What is 2 and 3?")
    page.keyboard.press("Enter")
    said = page.locator(".st-key-talk").get_by_test_id("stChatMessage")
    expect(said).to_have_count(3, timeout=PATIENCE)  # the question, and an answer of either
    settle(page)
    for who, title in enumerate(("After it learnt", "As it came"), start=1):
        expect(said.nth(who)).to_contain_text(title)
        assert len(said.nth(who).inner_text()) > len(title), "it wrote something"

    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Model", exact=True).click()
    saved = tmp_path / "model.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= names.keys()
        assert json.loads(archive.read(names["config.json"]))["architectures"] == ["LlamaForCausalLM"]
