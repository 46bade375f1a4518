"""The model card and the report of a run: every number is the run's own, and nothing a person typed becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import yaml
from huggingface_hub import ModelCard as HubCard

from engines import modelcard, registry, report
from engines.contract import Estimate, ModelCard, Recipe, Result, Skipped, Stage, Strategy, Verdict

INFO = registry.task("vision.classification").info
CARD = ModelCard(
    "toynet", "Toy net", "toy", 1200, 4800, "Apache-2.0", "Us", "ImageNet-1k", "64 × 64 pixels, RGB",
    (Stage("1", 900, 5),), head_inputs=10, hub="owner/toynet",
)  # fmt: skip
RECIPE = Recipe(
    INFO.name, "/home/ana/leaves.zip", "toynet", Strategy.PARTIAL, seed=4, settings={"blocks": 2},
    data_sha256="ab" * 32, versions={"torch": "2.14.1"},
)  # fmt: skip
RESULT = Result(
    run="r", task=INFO.name, model="toynet", strategy="partial", metric=INFO.metric, value=0.875, low=0.8, high=0.93,
    higher_is_better=True, n_train=1200, n_validation=300, n_test=500, seconds=41.6, trainable_parameters=910,
    parameters=1210, seed=4, baselines={"majority": 0.25, "scratch": 0.5},
    baseline_details={"scratch": {"low": 0.4, "high": 0.6, "seconds": 9.0}},
    verdict=Verdict("pays", Estimate(0.375, 0.25, 0.5, 500), "scratch"),
    metrics={"accuracy": Estimate(0.9, 0.87, 0.92, 500)}, device="CPU, 2 threads", precision="fp32", best_epoch=7,
    epochs=12, skipped=[Skipped("oak/a.png", "is damaged")], notes=[],
    details={
        "classes": ["elm", "oak"], "confusion": [[240, 10], [30, 220]], "image_size": 64,
        "load_snippet": "import timm", "per_class": [], "stages": [],
    },
)  # fmt: skip
HISTORY = [
    {"epoch": 1, "train_loss": 0.9, "train_metric": 0.5, "validation_loss": 0.8, "validation_metric": 0.6},
    {"epoch": 2, "train_loss": 0.5, "train_metric": 0.9, "validation_loss": 0.6, "validation_metric": 0.8},
]


class Reader(HTMLParser):
    """What a browser would make of a page: its tags, attributes and text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + "\n"


# --- README.md ------------------------------------------------------------------------------------


def test_the_card_is_one_the_hub_reads() -> None:
    metadata = HubCard(modelcard.write(RESULT, RECIPE, CARD, INFO)).data
    assert (metadata.license, metadata.library_name, metadata.pipeline_tag, metadata.base_model) == (
        "apache-2.0", "timm", "image-classification", "owner/toynet",
    )  # fmt: skip
    assert metadata.tags == ["headstart", "transfer-learning", "partial"]
    assert {result.metric_type: result.metric_value for result in metadata.eval_results} == {
        "balanced_accuracy": 0.875,
        "accuracy": 0.9,
    }
    assert {result.dataset_name for result in metadata.eval_results} == {"leaves.zip"}


def test_the_card_holds_the_runs_own_values() -> None:
    text = modelcard.write(RESULT, RECIPE, CARD, INFO)
    for expected in (
        "# Toy net fine-tuned on leaves.zip",
        "910 of 1,210 parameters learnt from 1,200 photographs",
        "elm, oak",
        "On 500 test photographs",
        "| Balanced accuracy | 87.5% (80.0% to 93.0%) |",
        "| accuracy | 90.0% (87.0% to 92.0%) |",
        "| baseline: majority, balanced accuracy | 25.0% |",
        "| baseline: scratch, balanced accuracy | 50.0% (40.0% to 60.0%) |",
        "Transfer pays: +37.5 points over training from scratch",
        "```python\nimport timm\n```",
        "64 pixels square",
        "12 epochs (best: 7) on CPU, 2 threads, fp32",
        "300 photographs decided when to stop",
        '"seed": 4',
        '"blocks": 2',
        "ab" * 32,
        "Licence of the pretrained weights: Apache-2.0.",
    ):
        assert expected in text, expected
    assert "/home/ana" not in text, "a folder's name on somebody's computer is nobody's business"
    assert re.search(r"None|nan|\{", text.split("```json")[0].split("---\n")[-1]) is None


def test_a_card_without_a_comparison_says_so() -> None:
    text = modelcard.write(replace(RESULT, verdict=None), RECIPE, replace(CARD, hub=None), INFO)
    assert "It was not compared with training from scratch in this run." in text
    assert "base_model" not in text


@pytest.mark.parametrize("title", ['oak: "the" tree', "- a\n- b", "é × 木", "#1 & <b>2</b>", "yes", "---"])
def test_any_title_leaves_the_metadata_readable(title: str) -> None:
    text = modelcard.write(RESULT, replace(RECIPE, title=title, data=f"/d/{title}"), CARD, INFO)
    metadata = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert metadata["model-index"][0]["name"] == title


# --- report.html ----------------------------------------------------------------------------------


def test_the_report_holds_the_runs_own_values() -> None:
    page = Reader(report.write(RESULT, RECIPE, CARD, INFO, HISTORY))
    for expected in (
        "Toy net, partial",
        "87.5%",
        "95 % interval 80.0% to 93.0%, on 500 test photographs".replace("95 % ", ""),
        "Transfer pays: +37.5 points",
        "baseline: scratch",
        "oak/a.png is damaged",
        "910 of 1,210 parameters",
        "seed 4",
    ):
        assert expected in page.text, expected
    assert [cell for cell in ("240", "10", "30", "220") if f"\n{cell}\n" not in page.text] == []
    assert page.tags.count("polyline") == 2


def test_the_report_needs_nothing_from_elsewhere() -> None:
    page = Reader(report.write(RESULT, RECIPE, CARD, INFO, HISTORY))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "onload", "onerror"} & {name for name, _ in page.attributes}


def test_the_curves_are_where_the_numbers_are() -> None:
    """Accuracy 1 is at the top (y 15), 0 at the bottom (y 175)."""
    page = Reader(report.write(RESULT, RECIPE, CARD, INFO, HISTORY))
    lines = [value for name, value in page.attributes if name == "points"]
    assert lines == ["40.0,95.0 630.0,31.0", "40.0,79.0 630.0,47.0"]


EVIL = '<img src=x onerror="alert(1)">&"\'</title><script>'


def test_nothing_a_person_typed_becomes_markup() -> None:
    result = replace(
        RESULT,
        details={**RESULT.details, "classes": [EVIL, "oak"]},
        skipped=[Skipped(EVIL, EVIL)],
        device=EVIL,
    )
    page = Reader(report.write(result, replace(RECIPE, title=EVIL), replace(CARD, title=EVIL), INFO, HISTORY))
    assert not {"script", "img"} & set(page.tags)
    assert "onerror" not in {name for name, _ in page.attributes}
    assert page.text.count("<script>") == 8


def test_a_report_without_validation_or_comparison() -> None:
    history = [{"epoch": 1, "train_loss": 0.9, "train_metric": 0.5}]
    page = Reader(report.write(replace(RESULT, verdict=None, skipped=[]), RECIPE, CARD, INFO, history))
    assert "Not compared with training from scratch." in page.text
    assert "Left out" not in page.text
    assert page.tags.count("polyline") == 1
