"""Classes found by their names, on the page: which models can, what each class is called, what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from engines import weights
from engines.jobs.serving import client
from tests.pages.opening import File, checked, opened, text
from ui.page import uploads

VISION, TASK = "pages/vision.py", "vision.classification"
CLIP = "clip-vit-base-patch32"


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a check finds in whatever is brought; tests change its classes."""
    report = checked(TASK, classes={"red_apple": 20, "pear": 20})

    def ask(question: dict[str, Any], *_: Any) -> dict[str, Any]:
        return report if question["verb"] == "check" else {"macs_per_second": 1e10, "device_name": "a test"}

    monkeypatch.setattr(client, "ask", ask)
    return report


def page_of(at: Any) -> str:
    """What stands on the page, as it is read: without the signs that keep markdown from being one."""
    return text(at).replace("\\", "")


def chosen(at: Any) -> list[str]:
    """The settings in the address."""
    found = at.query_params.get("set", [])
    return [found] if isinstance(found, str) else list(found)


def strategy_step(model: str = CLIP, **query: str) -> Any:
    data = uploads.keep([File("fruit.zip", b"any")])
    return opened(VISION, data=data, step="strategy", model=model, strategy="zero-shot", **query)


@pytest.mark.usefixtures("brought")
def test_a_network_without_words_is_not_offered_it_and_it_is_said_why() -> None:
    at = strategy_step("tf_efficientnet_lite0")
    page = page_of(at)
    assert "What is looked for" not in page
    assert "**By naming** (zero-shot) finds classes by their names" in page
    assert "CLIP ViT-B/32 or SigLIP B/16. Not here; needs a download of 605 MB or 813 MB." in page


@pytest.mark.usefixtures("brought")
def test_the_model_step_says_what_is_missing() -> None:
    page = page_of(opened(VISION, step="model"))
    assert "CLIP ViT-B/32" in page
    assert "Not here; needs a download of 605 MB or 813 MB." in page


@pytest.mark.usefixtures("brought")
def test_where_one_is_here_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "where", lambda card: "here" if card.name == CLIP else "unreachable")
    page = page_of(opened(VISION, step="model"))
    assert "choose CLIP ViT-B/32." in page
    assert "Not here" not in page


@pytest.mark.usefixtures("brought")
def test_each_class_has_a_name_and_the_sentence_can_be_changed() -> None:
    at = strategy_step()
    assert "What is looked for" in page_of(at)
    assert "Asked: “a photo of a red apple.”" in page_of(at)
    assert at.text_input(key="called_red_apple").value == "red apple"
    at.text_input(key="called_red_apple").set_value("ripe apple").run()
    assert chosen(at) == ['class_names:{"red_apple": "ripe apple"}']
    assert "Asked: “a photo of a ripe apple.”" in page_of(at)
    at.text_input(key="naming_prompt").set_value("{} in a bowl | {}").run()
    assert "Asked: “ripe apple in a bowl”; “ripe apple”" in page_of(at)
    at.text_input(key="called_red_apple").set_value("red_apple").run()
    assert "Asked: “red apple in a bowl”; “red apple”" in page_of(at)


def test_codes_have_to_be_called_by_words_first(brought: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "where", lambda _: "here")
    brought["classes"] = {"n02123045": 20, "0": 20}
    page = page_of(strategy_step())
    assert "'n02123045', '0': codes say nothing to this network." in page
    assert "Call each class by a word first" in page
    named = page_of(strategy_step(set='class_names:{"n02123045": "tabby", "0": "zebra"}'))
    assert "codes say nothing" not in named
    assert "Asked: “a photo of a tabby.”" in named


@pytest.mark.usefixtures("brought")
def test_a_sentence_without_a_place_for_the_name_is_said() -> None:
    assert "found 'a photo'" in page_of(strategy_step(set="prompt:a photo"))
