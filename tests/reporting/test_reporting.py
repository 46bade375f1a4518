"""The model card and the report of a run: every number is the run's own, and nothing a person typed becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import yaml
from huggingface_hub import ModelCard as HubCard

from engines import registry
from engines.contract import (
    Estimate,
    Metric,
    ModelCard,
    Recipe,
    Result,
    Skipped,
    Stage,
    Strategy,
    TaskInfo,
    Verdict,
    offered,
)
from engines.reporting import html, model_card

INFO = registry.task("vision.classification").info
CARD = ModelCard(
    "toynet",
    "Toy net",
    "toy",
    1200,
    4800,
    "Apache-2.0",
    "Us",
    "ImageNet-1k",
    "64 × 64 pixels, RGB",
    (Stage("1", 900, 5),),
    head_inputs=10,
    hub="owner/toynet",
)
RECIPE = Recipe(
    INFO.name,
    "/home/ana/leaves.zip",
    "toynet",
    Strategy.PARTIAL,
    seed=4,
    settings={"blocks": 2},
    data_sha256="ab" * 32,
    versions={"torch": "2.14.1"},
)
RESULT = Result(
    run="r",
    task=INFO.name,
    model="toynet",
    strategy="partial",
    metric=INFO.metric.name,
    value=0.875,
    low=0.8,
    high=0.93,
    higher_is_better=True,
    n_train=1200,
    n_validation=300,
    n_test=500,
    seconds=41.6,
    trainable_parameters=910,
    parameters=1210,
    seed=4,
    baselines={"majority": 0.25, "scratch": 0.5},
    baseline_details={"scratch": {"low": 0.4, "high": 0.6, "seconds": 9.0}},
    verdict=Verdict("pays", Estimate(0.375, 0.25, 0.5, 500, 3), "scratch", "better", "training"),
    metrics={"accuracy": Estimate(0.9, 0.87, 0.92, 500)},
    device="CPU, 2 threads",
    precision="fp32",
    best_epoch=7,
    epochs=12,
    skipped=[Skipped("oak/a.png", "is damaged")],
    notes=[],
    details={
        "classes": ["elm", "oak"],
        "confusion": [[240, 10], [30, 220]],
        "input": "64 pixels square, RGB. Normalisation and framing are in `config.json`",
        "load_snippet": "import timm",
        "per_class": [],
        "stages": [],
    },
)
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


UNKNOWN = TaskInfo(
    name="smell.naming",
    title="Name",
    unit="smells",
    metric=Metric("roc", "ROC", "How often the nose is right.", higher_is_better=True),
    offers=offered(Strategy.FEATURES),
    usual=Strategy.FEATURES,
    formats=("vials",),
    accepts=("zip",),
    exports=("safetensors",),
    default_model="nose",
    pipeline_tag="odor-classification",
    library="nosenet",
    learning="loss",
)
"""A task that no writer has heard of."""
BARE = replace(RESULT, task=UNKNOWN.name, metric="roc", metrics={}, details={}, verdict=None)


# --- README.md ------------------------------------------------------------------------------------


def test_the_card_is_one_the_hub_reads() -> None:
    metadata = HubCard(model_card.write(RESULT, RECIPE, CARD, INFO)).data
    assert (metadata.license, metadata.library_name, metadata.pipeline_tag, metadata.base_model) == (
        "apache-2.0",
        "timm",
        "image-classification",
        "owner/toynet",
    )
    assert metadata.tags == ["headstart", "transfer-learning", "partial"]
    assert {result.metric_type: result.metric_value for result in metadata.eval_results} == {
        "balanced_accuracy": 0.875,
        "accuracy": 0.9,
    }
    assert {result.dataset_name for result in metadata.eval_results} == {"photographs of one's own"}


def test_the_card_holds_the_runs_own_values() -> None:
    text = model_card.write(RESULT, RECIPE, CARD, INFO)
    for expected in (
        "# Toy net, partial",
        "910 of 1,210 parameters learnt from 1,200 photographs",
        "elm, oak",
        "On 500 test photographs",
        "| Balanced accuracy | 87.5% (80.0% to 93.0%) |",
        "| accuracy | 90.0% (87.0% to 92.0%) |",
        "| baseline: majority, balanced accuracy | 25.0% |",
        "| baseline: scratch, balanced accuracy | 50.0% (40.0% to 60.0%) |",
        "Transfer pays: balanced accuracy +37.5 points over training from scratch",
        "```python\nimport timm\n```",
        "Inputs: 64 pixels square, RGB. Normalisation and framing are in `config.json`.",
        "12 epochs (best: 7) on CPU, 2 threads, fp32",
        "300 photographs decided when to stop",
        '"seed": 4',
        '"blocks": 2',
        "ab" * 32,
        "Licence of the pretrained weights: Apache-2.0.",
    ):
        assert expected in text, expected
    assert "ana" not in text.split()
    assert "leaves.zip" not in text, "what somebody's files are called is nobody's business"
    assert re.search(r"None|nan|\{", text.split("```json")[0].split("---\n")[-1]) is None


def test_a_card_without_a_comparison_says_so() -> None:
    text = model_card.write(replace(RESULT, verdict=None), RECIPE, replace(CARD, hub=None), INFO)
    assert "It was not compared with training from scratch in this run." in text
    assert "base_model" not in text


@pytest.mark.parametrize("title", ['oak: "the" tree', "- a\n- b", "é × 木", "#1 & <b>2</b>", "yes", "---"])
def test_any_title_leaves_the_metadata_readable(title: str) -> None:
    text = model_card.write(RESULT, replace(RECIPE, title=title, data=f"/d/{title}"), CARD, INFO)
    metadata = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert metadata["model-index"][0]["name"] == title


def test_a_task_that_nobody_knows_gets_a_card() -> None:
    text = model_card.write(BARE, RECIPE, CARD, UNKNOWN)
    metadata = HubCard(text).data
    assert (metadata.library_name, metadata.pipeline_tag) == ("nosenet", "odor-classification")
    for expected in ("On 500 test smells", "| ROC | 0.875 (0.8 to 0.93) |", "| baseline: majority, ROC | 0.25 |"):
        assert expected in text, expected
    assert not {"Inputs:", "## Classes", "None"} & set(re.findall(r"Inputs:|## Classes|None", text))


def test_what_a_task_says_in_words_of_its_own_is_said() -> None:
    card = {
        "learnt_from": "1,200 vials",
        "tested_on": "vials behind a curtain",
        "chosen_by": "Nobody decided.",
        "limits": "It has a cold.",
        "drawn": " (over vials)",
        "rows": {"majority": "ROC of <always> coffee", "accuracy": "ACC"},
    }
    result = replace(RESULT, details={"card": card | {"verdict": "The nose pays."}})
    text = model_card.write(result, RECIPE, CARD, UNKNOWN)
    page = Reader(html.write(result, RECIPE, CARD, UNKNOWN, []))
    assert [said for said in card.values() if isinstance(said, str) and said not in text] == []
    assert "| ROC of &lt;always&gt; coffee | 0.25 |" in text
    assert "| ACC | 90.0% (87.0% to 92.0%) |" in text
    assert "The nose pays." not in text + page.text, "verdicts are worded in one place"
    for expected in ("Transfer pays", "1,200 vials", "ROC of <always> coffee", "ACC", "baseline: scratch"):
        assert expected in page.text, expected


# --- report.html ----------------------------------------------------------------------------------


def test_the_report_holds_the_runs_own_values() -> None:
    page = Reader(html.write(RESULT, RECIPE, CARD, INFO, HISTORY))
    for expected in (
        "Toy net, partial",
        "87.5%",
        "95 % interval 80.0% to 93.0%, on 500 test photographs".replace("95 % ", ""),
        "Transfer pays: balanced accuracy +37.5 points",
        "baseline: scratch",
        "oak/a.png is damaged",
        "910 of 1,210 parameters",
        "seed 4",
    ):
        assert expected in page.text, expected
    assert [cell for cell in ("240", "10", "30", "220") if f"\n{cell}\n" not in page.text] == []
    assert page.tags.count("polyline") == 2


def test_the_report_needs_nothing_from_elsewhere() -> None:
    page = Reader(html.write(RESULT, RECIPE, CARD, INFO, HISTORY))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "onload", "onerror"} & {name for name, _ in page.attributes}


def test_the_curves_are_where_the_numbers_are() -> None:
    """Accuracy 1 is at the top (y 15), 0 at the bottom (y 175)."""
    page = Reader(html.write(RESULT, RECIPE, CARD, INFO, HISTORY))
    lines = [value for name, value in page.attributes if name == "points"]
    assert lines == ["40.0,95.0 630.0,31.0", "40.0,79.0 630.0,47.0"]


EVIL = '<img src=x onerror="alert(1)">&"\'</title><script>'


def test_a_model_card_shows_no_picture_link_or_heading_of_a_class() -> None:
    classes = ["![x](https://example.org/seen.png)", "# cat", "`dog`", "a_b*c*"]
    told = replace(RESULT, details={**RESULT.details, "classes": classes})
    text = model_card.write(told, RECIPE, CARD, INFO)
    shown = r"!\[x\](https://example.org/seen.png), \# cat, \`dog\`, a\_b\*c\*"
    assert shown.replace("!", r"\!", 1) in text


def test_nothing_a_person_typed_becomes_markup() -> None:
    result = replace(
        RESULT, details={**RESULT.details, "classes": [EVIL, "oak"]}, skipped=[Skipped(EVIL, EVIL)], device=EVIL
    )
    page = Reader(html.write(result, replace(RECIPE, title=EVIL), replace(CARD, title=EVIL), INFO, HISTORY))
    assert not {"script", "img"} & set(page.tags)
    assert "onerror" not in {name for name, _ in page.attributes}
    assert page.text.count("<script>") >= 8


def test_a_report_without_validation_or_comparison() -> None:
    history = [{"epoch": 1, "train_loss": 0.9, "train_metric": 0.5}]
    page = Reader(html.write(replace(RESULT, verdict=None, skipped=[]), RECIPE, CARD, INFO, history))
    assert "It was not compared with training from scratch in this run." in page.text
    assert "Left out" not in page.text
    assert page.tags.count("polyline") == 1


def test_a_task_that_nobody_knows_gets_a_report_with_its_losses() -> None:
    page = Reader(html.write(BARE, RECIPE, CARD, UNKNOWN, HISTORY))
    for expected in ("Name (smells)", "0.875", "ROC,", "on 500 test smells", "training loss", "0.9000", "0.6000"):
        assert expected in page.text, expected
    assert "polyline" not in page.tags
