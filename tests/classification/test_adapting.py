"""A run with data of a new domain: its method by rule, its truth, the model that is kept, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from engines import api, registry
from engines.adaptation import batch_norms
from engines.contract import InputError, Recipe, Result, Strategy
from engines.contract.results import Verdict
from engines.reporting import adapting
from tests import tiny_speech, tiny_text
from tests.contract.tiny import TINY

pytestmark = pytest.mark.usefixtures("one_thread")
TEXT, VISION, VOICES = "text.sentiment", "vision.classification", "speech.speaker"
SHORT = {VISION: {"epochs": 3, "image_size": 64, "views": 1}, TEXT: {"epochs": 3}, VOICES: {"epochs": 3, "folds": 0}}
MODELS = {VISION: "test_resnet", TEXT: "tiny-bert", VOICES: "ge2e"}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("models")
    TINY[VISION].write_weights(folder)
    tiny_text.write_bert(folder)
    tiny_speech.write_models(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        yield


def table(path: Path, rows: list[tuple[str, str]], heading: tuple[str, str] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    return path


def pictures(folder: Path, n: int, seed: int, *, dark: float = 1.0, labels: bool = True) -> Path:
    rng = np.random.default_rng(seed)
    for number in range(n):
        label, colour = [("blue", (40, 90, 200)), ("red", (190, 40, 50))][number % 2]
        pixels = (np.array(colour) + rng.normal(0, 20, (40, 40, 3))) * dark
        place = folder / label if labels else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(place / f"{seed}-{number:03d}.png")
    return folder


def fitted(task: str, data: Path, target: Path, out: Path, **settings: Any) -> Result:
    chosen = {**SHORT[task], **settings}
    return api.fit(api.recipe(task, data, target=target, model=MODELS[task], settings=chosen), out)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_text.write_reviews(tmp_path_factory.mktemp("reviews"), each=24)


@pytest.fixture(scope="module")
def adapted(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path, Path]:
    """A text run, its folder and its target, whose labels stand in the column of the source's."""
    folder = tmp_path_factory.mktemp("adapted")
    target = table(folder / "new.csv", tiny_text.reviews(20, seed=9))
    return fitted(TEXT, reviews, target, folder / "run", adapt="self-training"), folder / "run", target


# --- what a run comes to --------------------------------------------------------------------------


def test_both_models_are_told_beside_each_other(adapted: tuple[Result, Path, Path]) -> None:
    result, run, _ = adapted
    found = result.details["adaptation"]
    assert (found["method"], found["n"], found["labelled"]) == ("self-training", 60, 60)
    rows = pq.read_table(run / "target.parquet").to_pandas()
    assert (rows["before"] != rows["after"]).sum() == found["changed"]
    verdict = Verdict.read(found["truth"]["verdict"])
    assert verdict.scope == "networks"
    assert verdict.verdict is None  # one seed judges no way of training
    for name in ("before", "after"):
        share = (rows[name] == rows["label"]).groupby(rows["label"]).mean().mean()
        assert found["truth"][name]["value"] == pytest.approx(share)
        assert 0 <= found["estimate"][name] <= 1
    lines = adapting.sentences(result, registry.task(TEXT).info.metric)
    assert lines[0].startswith("New domain: adapted by Self-training;")
    assert lines[1].startswith("By the labels there: ")
    assert lines[2].startswith("Estimate without labels, right answers: ")


def test_the_model_that_is_kept_is_the_adapted_one(adapted: tuple[Result, Path, Path]) -> None:
    _, run, target = adapted
    rows = pq.read_table(run / "target.parquet").to_pandas()
    said = api.predict(run, target)
    assert [row["label"] for row in said] == rows["after"].tolist()
    assert [row["confidence"] for row in said] == pytest.approx(rows["confidence_after"].tolist(), abs=1e-4)


def test_the_number_of_the_run_is_that_of_the_model_before(
    adapted: tuple[Result, Path, Path], reviews: Path, tmp_path: Path
) -> None:
    plain = api.fit(api.recipe(TEXT, reviews, model=MODELS[TEXT], settings=SHORT[TEXT]), tmp_path / "plain")
    assert adapted[0].value == plain.value
    assert "adaptation" not in plain.details
    assert (adapted[1] / "trials").exists()


def test_the_card_says_to_what_it_was_adapted(adapted: tuple[Result, Path, Path]) -> None:
    _, run, target = adapted
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "Then adapted to 60 texts of a new domain, without their labels, by Self-training" in card
    assert "--target TARGET" in card
    assert str(target) not in card


def test_a_script_would_repeat_only_the_run(adapted: tuple[Result, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it was adapted to a new domain, which the script does not"):
        api.export(adapted[1], tmp_path / "script", "script")
    assert api.export(adapted[1], tmp_path / "model", "safetensors").exists()


def test_the_same_seed_gives_the_same_number(adapted: tuple[Result, Path, Path], reviews: Path, tmp_path: Path) -> None:
    again = fitted(TEXT, reviews, adapted[2], tmp_path / "again", adapt="self-training")
    assert again.details["adaptation"] == adapted[0].details["adaptation"]


def test_no_method_reads_the_labels(adapted: tuple[Result, Path, Path], reviews: Path, tmp_path: Path) -> None:
    texts = [text for text, _ in tiny_text.reviews(20, seed=9)]
    bare = table(tmp_path / "bare.csv", [(text, "") for text in texts])
    found = fitted(TEXT, reviews, bare, tmp_path / "run", adapt="self-training").details["adaptation"]
    assert found["truth"] is None
    told = adapted[0].details["adaptation"]
    assert {name: found[name] for name in ("answers", "changed")} == {n: told[n] for n in ("answers", "changed")}
    assert found["estimate"] == told["estimate"]


@pytest.mark.parametrize("method", ["t3a", "label-prior", "coral", "adabn", "tent"])
def test_every_method_keeps_what_it_says(method: str, tmp_path: Path) -> None:
    data = pictures(tmp_path / "data", 24, 1)
    target = pictures(tmp_path / "target", 32, 2, dark=0.5)
    result = fitted(VISION, data, target, tmp_path / "run", adapt=method, folds=0)
    rows = pq.read_table(tmp_path / "run/target.parquet").to_pandas()
    said = {row["file"]: row["label"] for row in api.predict(tmp_path / "run", target)}
    assert result.details["adaptation"]["method"] == method
    assert [said[file] for file in rows["file"]] == rows["after"].tolist()


def test_by_rule_pictures_are_left_alone_and_told(tmp_path: Path) -> None:
    """In folds, as so few are; the source model's truth is shown all the same."""
    data = pictures(tmp_path / "data", 24, 1)
    target = pictures(tmp_path / "target", 32, 2, labels=False)
    result = fitted(VISION, data, target, tmp_path / "run")
    found = result.details["adaptation"]
    assert result.details["folds"]
    assert (found["method"], found["changed"], found["truth"]) == ("none", 0, None)
    assert found["estimate"]["before"] == found["estimate"]["after"]
    said = adapting.sentences(result, registry.task(VISION).info.metric)
    assert said[0].startswith("New domain: not adapted. By a rule fixed before")
    assert "before" not in said[1].split("(")[0]


def test_more_than_a_head_may_have_learnt(reviews: Path, tmp_path: Path) -> None:
    target = table(tmp_path / "new.csv", tiny_text.reviews(12, seed=9))
    recipe = api.recipe(
        TEXT, reviews, target=target, model=MODELS[TEXT], strategy="full", settings={"epochs": 1, "adapt": "t3a"}
    )
    api.fit(recipe, tmp_path / "run")
    rows = pq.read_table(tmp_path / "run/target.parquet").to_pandas()
    assert [row["label"] for row in api.predict(tmp_path / "run", target)] == rows["after"].tolist()


def test_voices(tmp_path: Path) -> None:
    data = tiny_speech.write_voices(tmp_path / "data")
    result = fitted(VOICES, data, data, tmp_path / "run", adapt="none")
    found = result.details["adaptation"]
    assert found["method"] == "none"
    assert found["truth"] is None  # all of them are learnt from
    assert any(note.startswith("All of its clips are in the data to learn from too") for note in result.notes)


# --- what is refused ------------------------------------------------------------------------------


def refused(task: str, data: Path, target: Path, **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        api.check_target(task, data, target, settings=settings)
    return str(caught.value)


def test_check_tells_what_a_run_will_do(reviews: Path, tmp_path: Path) -> None:
    target = table(tmp_path / "new.csv", tiny_text.reviews(12, seed=9))
    found = api.check_target(TEXT, reviews, target)
    assert (found["n"], found["labelled"], found["judged"]) == (36, 36, 36)
    assert found["method"] in {"t3a", "self-training"}
    few = api.check_target(TEXT, reviews, table(tmp_path / "few.csv", tiny_text.reviews(4, seed=9)))
    assert few["method"] == "none"
    assert few["why"].startswith("Only 12 texts in the new domain: it takes 30")


def test_too_few_for_what_is_asked_for(reviews: Path, tmp_path: Path) -> None:
    few = table(tmp_path / "few.csv", tiny_text.reviews(4, seed=9))
    assert "12 texts, too few for T3A" in refused(TEXT, reviews, few, adapt="t3a")


def test_classes_that_are_others(reviews: Path, tmp_path: Path) -> None:
    other = table(
        tmp_path / "other.csv", [(text, f"topic {i % 3}") for i, (text, _) in enumerate(tiny_text.reviews(12))]
    )
    assert "are others than what is learnt" in refused(TEXT, reviews, other)


def test_data_of_another_kind(reviews: Path, tmp_path: Path) -> None:
    photographs = pictures(tmp_path / "data", 24, 1)
    assert "none of its photographs can be read" in refused(VISION, photographs, reviews)
    assert refused(TEXT, reviews, photographs)
    clips = tiny_speech.write_voices(tmp_path / "voices")
    assert refused(VOICES, clips, reviews)


def test_tasks_with_a_form_of_their_own_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n")
    for task, word in (("forecasting.forecast", "zero-shot"), ("control.policy", "domain randomisation")):
        with pytest.raises(InputError, match=word):
            api.recipe(task, tmp_path / "a.csv", target=tmp_path / "a.csv")
    with pytest.raises(InputError, match="nothing is learnt that could be adapted"):
        api.recipe(TEXT, tmp_path / "a.csv", target=tmp_path / "a.csv", strategy="zero-shot")


def test_a_method_without_a_target_or_norms(reviews: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no target to adapt to"):
        api.fit(api.recipe(TEXT, reviews, model=MODELS[TEXT], settings={"adapt": "t3a"}), tmp_path / "one")
    target = table(tmp_path / "new.csv", tiny_text.reviews(12, seed=9))
    with pytest.raises(InputError, match="needs a network with batch norms"):
        fitted(TEXT, reviews, target, tmp_path / "two", adapt="tent")


def test_a_recipe_from_before_targets_opens() -> None:
    known = json.loads(Recipe(TEXT, "/data.csv", "m", Strategy.FEATURES, target="/new.csv").to_json())
    del known["target"]
    assert Recipe.from_json(json.dumps(known)).target is None
    assert Recipe(TEXT, "/data.csv", "m", Strategy.FEATURES, target="/new.csv").without_data().target == ""


# --- batch norms ----------------------------------------------------------------------------------


def test_statistics_become_those_of_the_examples() -> None:
    from engines.training.activation_cache import Cached
    from engines.training.staged import Staged, StageModule

    norm, head = torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2)
    model = torch.nn.Sequential(norm, head)
    network = Staged(model, [StageModule("norm", norm, lambda: (norm,))], lambda: head)
    x = torch.randn(130, 1, 2, generator=torch.Generator().manual_seed(0)) * 3 + 5
    examples = Cached(x, torch.zeros(130, dtype=torch.int64), "x")
    batch_norms.take_statistics(network, examples, torch.device("cpu"))
    assert torch.allclose(norm.running_mean, x[:, 0].mean(0), atol=0.05)
    assert norm.momentum == 0.1
    was = batch_norms.state(network)
    batch_norms.make_sure(network, examples, torch.device("cpu"), seed=0)
    assert not torch.equal(was["0.weight"], norm.weight)
    assert head.weight.requires_grad
