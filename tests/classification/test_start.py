"""A classifier that goes on from a finished run: its weights, the rows of its head by name, and what is said of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engines import api, paths, registry
from engines.classification.study import start
from engines.classification.study.start import Start
from engines.contract import InputError, Recipe, Strategy
from engines.lifecycle import opened
from engines.runs import RunFolder
from engines.training.transfer import fold
from tests.contract.tiny import TINY

TASKS = [name for name in ("vision.classification", "text.sentiment", "speech.speaker") if name in registry.TASKS]


def test_rows_of_the_head_go_by_the_names_of_classes_whatever_the_features_are_scaled_by() -> None:
    old = Start("", {}, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0.5, -0.5]), ["cat", "dog"])
    head = nn.Linear(2, 3)
    shift, scale = torch.tensor([0.3, -0.7]), torch.tensor([2.0, 0.25])
    old.head(["ape", "dog", "cat"])(head, shift, scale)
    x = torch.tensor([[0.2, 1.1]])
    scaled = head((x - shift) / scale)
    fold(head, shift, scale)
    expected = torch.tensor([[0.0, 3 * 0.2 + 4 * 1.1 - 0.5, 0.2 + 2 * 1.1 + 0.5]])
    assert torch.allclose(scaled, expected, atol=1e-5), "fresh rows begin with nothing learnt"
    assert torch.allclose(head(x), expected, atol=1e-5)


def learnt(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A finished run of a whole network, and its data."""
    tiny, models = TINY[name], folder / "models"
    for place in (models, folder / "brought"):
        place.mkdir()
    tiny.write_weights(models)
    monkeypatch.setenv("HEADSTART_MODELS", str(models))
    data, first = tiny.write_data(folder / "brought"), folder / "first"
    recipe = api.recipe(name, data, model=tiny.model, strategy="full", settings=tiny.strategies[Strategy.FULL])
    api.fit(recipe, first)
    return first, data


@pytest.mark.parametrize("name", TASKS)
def test_a_network_begins_as_that_of_a_finished_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, data = learnt(name, tmp_path, monkeypatch)
    task = registry.task(name)
    recipe = api.recipe(name, data, model=str(first), strategy="features")
    assert recipe.model == TINY[name].model
    study: Any = opened(task, recipe, RunFolder.create(recipe, tmp_path / "looked at"))
    predictor: Any = task.load(first)
    was = predictor.network.model.state_dict()
    fresh = study.build(pretrained=True, seed=0).model.state_dict()
    network = study.begun(pretrained=True, seed=0)
    head = {id(part) for part in network.head().parameters()}
    body = [(key, tensor) for key, tensor in network.model.named_parameters() if id(tensor) not in head]
    assert [key for key, tensor in body if not torch.equal(tensor, was[key].cpu())] == []
    assert [key for key, tensor in body if not torch.equal(tensor, fresh[key])], "it is not what the model came with"
    scratch = study.begun(pretrained=False, seed=0).model.state_dict()
    assert [key for key, tensor in body if not torch.equal(tensor, scratch[key])], "nor is what begins from scratch"


def test_a_run_says_what_it_went_on_from_and_can_be_repeated_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, second = "text.sentiment", tmp_path / "second"
    first, data = learnt(name, tmp_path, monkeypatch)
    settings = TINY[name].strategies[Strategy.FEATURES]
    recipe = api.recipe(name, data, model=str(first), strategy="features", settings=settings)
    assert recipe.start
    shutil.rmtree(first)
    api.fit(recipe, second)
    run, classes = RunFolder(second), len(TINY[name].classes)
    sentence = f"It goes on from a finished run: {classes} of the {classes} classes were known there, by their names."
    assert sentence in [event.data["message"] for event in run.events() if event.kind == "note"]
    card = (second / "README.md").read_text(encoding="utf-8")
    assert f"It went on from a finished run (weights {Path(recipe.start).name})." in card
    assert str(first) not in card + run.recipe.to_json(), "the place of a run may be the key to it"
    with pytest.raises(InputError, match="it goes on from another run"):
        api.export(second, tmp_path / "script", "script")
    elsewhere = run.recipe.without_data()
    assert elsewhere.start == ""
    with pytest.raises(InputError, match="it is not on this machine any more"):
        start.opened(registry.task(name), elsewhere)


def finished(task: str, folder: Path, strategy: Strategy = Strategy.FEATURES) -> Path:
    """What looks like a run."""
    RunFolder.create(Recipe(task, "/data", "any", strategy), folder)
    return folder


@pytest.mark.parametrize(
    ("task", "of", "sentence"),
    [
        ("control.policy", "control.policy", "control.policy cannot go on from a finished run"),
        ("vision.classification", "text.sentiment", "it is a run of text.sentiment; accepted: one of vision.classi"),
        ("vision.classification", "vision.classification", "there is no trained model in it"),
    ],
)
def test_what_cannot_go_on_says_so_in_a_sentence(task: str, of: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        api.recipe(task, tmp_path, model=str(finished(of, tmp_path / "run")))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(paths.starts().iterdir())
