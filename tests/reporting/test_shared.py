"""What others may see of a run: recipe, model card and report without a word of the data."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

from engines.contract import Skipped
from engines.exports import bundle
from engines.reporting import html, model_card
from engines.runs import RunFolder
from tests.reporting.test_reporting import CARD, INFO, RECIPE, RESULT
from ui.widgets import take_home

QUOTING = replace(RECIPE, settings={"blocks": 2, "corrections": '{"elm/7.jpg": "oak"}'}, test="/home/ana/more.zip")


def test_a_recipe_for_others_has_no_path_and_quotes_nothing() -> None:
    told = json.loads(bundle.recipe_without_data(QUOTING))
    assert (told["data"], told["test"], told["settings"]) == (None, "", {"blocks": 2})
    assert {name: told[name] for name in ("model", "seed", "data_sha256")} == {
        "model": RECIPE.model,
        "seed": RECIPE.seed,
        "data_sha256": RECIPE.data_sha256,
    }


def test_a_card_quotes_no_correction() -> None:
    assert "elm/7.jpg" not in model_card.write(RESULT, QUOTING, CARD, INFO)


def test_a_card_of_an_older_version_loses_the_name_of_the_file(tmp_path: Path) -> None:
    old = "model-index:\n- name: Toy net fine-tuned on leaves.zip\n    dataset:\n      name: leaves.zip\n---\n"
    old += "# Toy net fine-tuned on leaves.zip\n"
    (tmp_path / "README.md").write_text(old, encoding="utf-8")
    card = bundle.card_without_data(tmp_path, RECIPE)
    assert "leaves" not in card
    assert card.endswith("# Toy net\n")


def test_a_report_for_others_counts_what_was_left_out() -> None:
    left_out = [Skipped("elm/broken.jpg", "is damaged"), Skipped("oak/empty.jpg", "is empty")]
    page = html.write(replace(RESULT, skipped=left_out), RECIPE, CARD, INFO, [])
    assert "elm/broken.jpg" in page
    shared = html.without_data(page)
    assert "broken.jpg" not in shared
    assert "empty.jpg" not in shared
    assert "<h2>Left out</h2><p>2 of the files or rows in the data.</p>" in shared


def test_a_run_for_others_holds_the_model_and_no_data(tmp_path: Path) -> None:
    run = RunFolder.create(QUOTING, tmp_path / "run")
    for name in ("model/model.safetensors", "model/texts.csv", "predictions.parquet", "events.jsonl", "worker.log"):
        run.write(name, "the elm by the river")
    run.write("README.md", model_card.write(RESULT, QUOTING, CARD, INFO))
    with take_home.shared(run) as file, zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["README.md", "model/model.safetensors", "recipe.json"]
        assert b"ana" not in archive.read("recipe.json")
