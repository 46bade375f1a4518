"""A public host offers the models that lie on it: no other is looked up, fetched or trained, by page or door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines import api, paths, registry, weights
from engines.contract import InputError, Job, Recipe, Strategy
from engines.jobs.backends import backend
from engines.jobs.serving.handlers import LoadedModels, answer
from tests.pages.opening import opened, text
from ui.page import visitor

TASK, HERE = "vision.classification", "tf_efficientnet_lite0"


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setattr(visitor, "myself", lambda: "ann")

    def asks(*_: Any, **__: Any) -> Any:
        raise AssertionError("somebody asks the hub")

    for name in ("_answers_in_time", "_download", "_download_by_torch"):
        monkeypatch.setattr(weights, name, asks)


@pytest.fixture
def elsewhere() -> str:
    """A model of the catalogue that is not on this machine."""
    cards = registry.task(TASK).models()
    assert weights.find(next(card for card in cards if card.name == HERE))
    return next(card.name for card in cards if weights.find(card) is None)


def test_a_recipe_of_a_model_that_is_not_here_is_refused(elsewhere: str, tmp_path: Path) -> None:
    assert api.recipe(TASK, tmp_path, model=HERE).model == HERE
    with pytest.raises(InputError, match=rf"^model {elsewhere}: its weights are not on this host; accepted: .*{HERE}"):
        api.recipe(TASK, tmp_path, model=elsewhere)


@pytest.mark.parametrize("name", ["owner/anything", "/etc/passwd", "../runs", "resnet18d.ra2_in1k"])
def test_no_other_name_is_looked_up(name: str, tmp_path: Path) -> None:
    sentence = rf"^model {name}: this host looks up no other models than those it shows"
    with pytest.raises(InputError, match=sentence):
        api.recipe(TASK, tmp_path, model=name)
    for verb in ("describe", "check", "rehearse", "steps"):
        with pytest.raises(InputError, match=sentence):
            answer({"verb": verb, "task": TASK, "model": name, "data": ""}, LoadedModels(), lambda *_: None)
    asked = {"verb": "rank", "task": TASK, "models": [HERE, name], "data": ""}
    with pytest.raises(InputError, match=sentence):
        answer(asked, LoadedModels(), lambda *_: None)


def test_the_queue_takes_no_run_of_it_whoever_made_the_job(elsewhere: str) -> None:
    for name in (elsewhere, "owner/anything"):
        with pytest.raises(InputError, match=f"^model {name}: "):
            backend().submit(Job(Recipe(TASK, "/data", name, Strategy.FEATURES), owner="ann"))
    assert list(paths.runs().iterdir()) == []


def test_from_scratch_needs_no_weights(elsewhere: str, tmp_path: Path) -> None:
    assert api.recipe(TASK, tmp_path, model=elsewhere, strategy="scratch").model == elsewhere


def test_weights_are_not_fetched(elsewhere: str) -> None:
    card = next(card for card in registry.task(TASK).models() if card.name == elsewhere)
    assert (weights.where(card), weights.hub_reachable()) == ("unreachable", False)
    with pytest.raises(weights.WeightsUnavailable):
        weights.fetch(card)


def test_the_page_greys_it_and_says_why(elsewhere: str) -> None:
    at = opened("pages/vision.py", step="model")
    choose = {button.key: button.disabled for button in at.button if (button.key or "").startswith("pick_")}
    assert choose[f"pick_{elsewhere}"]
    assert "this host offers only models that lie on it" in text(at)
    assert "Look it up" not in text(at)


def test_at_home_every_name_is_welcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elsewhere: str) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "")
    assert api.recipe(TASK, tmp_path, model=elsewhere).model == elsewhere
    assert "Look it up" in {button.label for button in opened("pages/vision.py", step="model").button}
