"""A newcomer's first minutes in a real browser: few clicks from an example to a model of their own, no word untold."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from engines.vision import samples
from tests.browser.conftest import PATIENCE, TRAINING, settle, visit
from tests.browser.test_accessibility import THEMES, put_on, violations

pytestmark = pytest.mark.browser

Visitor = Callable[..., BrowserContext]
MOST_CLICKS = 12
A_CLASS = 12  # pictures
JARGON = (
    *("adapters", "augmentation", "backbone", "balanced accuracy", "baseline", "calibration", "checkpoint"),
    *("confusion matrix", "convolution", "cross-validation", "dropout", "embedding", "entropy", "epoch", "fine-tuning"),
    *("few-shot", "folds", "frozen", "gradient", "hyperparameter", "inference", "learning rate", "logits"),
    *("logistic regression", "LoRA", "macro F1", "MASE", "normalisation", "ONNX", "optimiser", "overfitting", "paired"),
    *("parameters", "perplexity", "pretrained", "prototypes", "quantile", "recall", "regularisation", "safetensors"),
    *("seed", "softmax", "tensor", "transfer learning", "transductive", "validation", "weights", "zero-shot", "GPU"),
)
"""Words that a newcomer may not know, whether or not the glossary has them."""
TOLD = """() => {
  const walker = document.createTreeWalker(document.querySelector("[data-testid=stMain]"), NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (!parentElement.closest("code, pre, script, style, textarea, [data-testid=stIconMaterial]")) texts.push(data);
  }
  const hosts = [...document.querySelectorAll("*")].filter((e) => e.shadowRoot);
  const terms = hosts.flatMap((e) => [...e.shadowRoot.querySelectorAll("dl dt")].map((t) => t.textContent));
  return [texts.join(" "), terms];
}"""


class Clicks:
    """Presses things as a person does, and counts."""

    def __init__(self, page: Page):
        self.page, self.made = page, 0

    def on(self, what: Locator) -> None:
        settle(self.page)
        what.click()
        self.made += 1


def untold(page: Page) -> list[str]:
    """Words of JARGON that stand on the page and are not in its list of words."""
    settle(page)
    page.wait_for_timeout(1000)  # the page looks through itself once it stands still
    text, terms = page.evaluate(TOLD)
    told = {term.lower() for term in terms}
    found = [word for word in JARGON if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.IGNORECASE)]
    return [word for word in found if word.lower() not in told]


@pytest.fixture(scope="module")
def own_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of pictures in a zip."""
    folder = samples.make("digits", tmp_path_factory.mktemp("sample"))
    path = tmp_path_factory.mktemp("upload") / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for label in ("0", "1"):
            for image in sorted((folder / label).iterdir())[:A_CLASS]:
                archive.write(image, f"{label}/{image.name}")
    return path


@pytest.mark.weights
def test_from_the_first_page_to_a_model_of_ones_own_in_few_clicks_and_no_word_untold(
    visitor: Visitor, own_pictures: Path, tmp_path: Path
) -> None:
    page = visitor().new_page()
    verdict = page.locator(".st-key-verdict")
    visit(page, "/")
    click = Clicks(page)
    assert untold(page) == []

    click.on(page.locator("[class*=st-key-choices_] button").first)
    expect(page.locator(".st-key-answers")).to_contain_text("With transfer")
    assert untold(page) == []
    click.on(page.get_by_text("A series", exact=True))  # its comparison is over soon: the next run need not wait for it
    click.on(page.get_by_role("button", name="Train it on this sample"))
    page.wait_for_url(re.compile("run="), timeout=PATIENCE)
    verdict.wait_for(timeout=TRAINING)
    assert untold(page) == []

    click.on(page.get_by_role("link", name="Headstart", exact=True).locator("visible=true").first)
    click.on(page.get_by_role("link", name="Use my own data"))
    page.get_by_test_id("stFileUploaderDropzoneInput").first.wait_for(state="attached", timeout=PATIENCE)
    assert untold(page) == []
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(own_pictures)
    click.made += 2  # the button that opens the system's own window, and the file in it
    page.get_by_role("button", name="Train now").wait_for(timeout=PATIENCE)
    assert untold(page) == []
    click.on(page.get_by_role("button", name="Train now"))
    page.locator(".st-key-live_run").or_(verdict).first.wait_for(timeout=PATIENCE)
    verdict.wait_for(timeout=TRAINING)
    assert untold(page) == []
    with page.expect_download(timeout=PATIENCE) as download:
        click.on(page.get_by_role("button", name="Model", exact=True))
    download.value.save_as(saved := tmp_path / "model.zip")
    with zipfile.ZipFile(saved) as archive:
        assert [name for name in archive.namelist() if name.endswith("model.safetensors")]
    assert click.made <= MOST_CLICKS


def test_the_tour_has_three_steps_and_stays_dismissed(visitor: Visitor) -> None:
    page = visitor().new_page()
    visit(page, "/")
    tour = page.get_by_role("region", name="A tour of three steps")
    expect(tour).to_contain_text("1 of 3")
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(tour).to_contain_text("3 of 3")
    page.keyboard.press("Enter")  # done
    expect(tour).to_be_hidden()
    visit(page, "/")
    expect(page.get_by_role("button", name="Show the tour")).to_be_visible()
    expect(tour).to_be_hidden()
    page.get_by_role("button", name="Show the tour").click()
    expect(tour).to_contain_text("1 of 3")


def test_an_example_is_pressed_by_keyboard_and_what_is_shown_is_readable_in_both_themes(visitor: Visitor) -> None:
    page = visitor(width=390).new_page()
    visit(page, "/")
    page.get_by_text("A series", exact=True).click()
    settle(page)
    page.locator(".st-key-choices_series button").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-answers")).to_contain_text("thousand passengers a month")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for scheme in THEMES:
        put_on(page, scheme)
        assert violations(page) == []


def test_a_word_is_told_where_it_is_pointed_at_and_in_the_list_below(visitor: Visitor) -> None:
    page = visitor().new_page()
    visit(page, "/story")
    heading = page.get_by_role("heading", name="What is transfer learning?")
    box = heading.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 150, box["y"] + box["height"] / 2)
    expect(page.get_by_role("tooltip")).to_contain_text("Starting from what a network learnt on another task")
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_be_hidden()
    page.get_by_text("The words on this page, explained").click()
    expect(page.get_by_role("definition").first).to_be_visible()


def test_nothing_moves_for_whoever_asks_for_less_motion(visitor: Visitor) -> None:
    moving = "() => document.getAnimations({subtree: true}).length"
    page = visitor(reduced_motion="reduce").new_page()
    visit(page, "/")
    page.locator(".st-key-moving_control, .st-key-domain_control").first.wait_for()
    shadows = (
        "() => [...document.querySelectorAll('*')].filter((e) => e.shadowRoot)"
        ".flatMap((e) => e.shadowRoot.getAnimations ? e.shadowRoot.getAnimations() : []).length"
    )
    assert page.evaluate(shadows) == 0
    assert page.evaluate(moving) == 0
    lively = visitor().new_page()
    visit(lively, "/")
    lively.wait_for_function(f"({shadows})() > 0")
