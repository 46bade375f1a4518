"""A finished run as the model of another one: every task begins with its weights, or says that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engines import api, registry
from engines.contract import InputError, Strategy
from engines.lifecycle import opened
from engines.runs import RunFolder
from engines.vision.detection.evaluation import came_with
from tests.contract.conftest import Subject
from tests.contract.tiny import TINY

KINDS: dict[str, tuple[str, Callable[[Any], torch.nn.Module]]] = {
    "vision.detection": ("full", lambda study: study.build(pretrained=True, seed=0).model),
    "text.generation": ("lora", lambda study: study.build(pretrained=True, seed=0).model),
    "text.translation": ("partial", lambda study: study.build(pretrained=True, seed=0).model),
    "speech.transcription": ("partial", lambda study: study.spec.recogniser.network.model),
}
"""Of what the classifiers' own tests do not see: a strategy, and the network that a study begins with."""


def test_every_task_goes_on_from_a_finished_run_or_says_that_it_cannot(tmp_path: Path) -> None:
    can = {name for name in registry.TASKS if registry.task(name).goes_on}
    assert set(registry.TASKS) - can == {"control.policy"}
    run = RunFolder.create(api_recipe := recipe_of("control.policy", tmp_path), tmp_path / "run")
    with pytest.raises(InputError, match=r"control\.policy cannot go on from a finished run"):
        api.recipe(api_recipe.task, tmp_path, model=str(run.path))


def recipe_of(task: str, folder: Path) -> Any:
    from engines.contract import Recipe

    return Recipe(task, str(folder), TINY[task].model, registry.task(task).info.usual)


@pytest.fixture(scope="module")
def first(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    if subject.task.info.name not in KINDS:
        pytest.skip("the classifiers' own tests, and those of series, have it")
    strategy = Strategy(KINDS[subject.task.info.name][0])
    out = tmp_path_factory.mktemp("first") / "run"
    api.fit(recipe(subject, strategy), out)
    return out


def recipe(subject: Subject, strategy: Strategy, **given: Any) -> Any:
    name, settings = subject.task.info.name, subject.tiny.strategies[strategy]
    model = given.pop("model", subject.model(strategy))
    return api.recipe(name, subject.data, model=model, strategy=strategy, settings=settings, **given)


def test_it_begins_with_what_was_learnt_and_no_script_repeats_it(subject: Subject, first: Path, tmp_path: Path) -> None:
    strategy, network_of = KINDS[subject.task.info.name]
    plain = recipe(subject, Strategy(strategy))
    came = network_of(opened(subject.task, plain, RunFolder.create(plain, tmp_path / "came")))
    asked = recipe(subject, Strategy(strategy), model=str(first))
    begins = network_of(opened(subject.task, asked, RunFolder.create(asked, tmp_path / "again")))
    learnt, fresh, now = states(subject, first), came.state_dict(), begins.state_dict()
    assert now.keys() == learnt.keys()
    assert [name for name, own in now.items() if not torch.allclose(own, learnt[name], atol=1e-5)] == []
    assert [name for name, own in now.items() if not torch.equal(own, fresh[name])], "it is not what the model came as"
    again = RunFolder(tmp_path / "again")
    api.fit(asked, again.path)
    said = "It goes on from a finished run: it begins with the weights that were learnt there."
    assert again.result is not None
    assert said in again.result.notes
    with pytest.raises(InputError, match="it goes on from another run"):
        api.export(again.path, tmp_path / "script", "script")
    assert api.predict(again.path, subject.new)


def states(subject: Subject, run: Path) -> dict[str, torch.Tensor]:
    """The whole network of a finished run."""
    predictor: Any = subject.task.load(run)
    if loaded := getattr(predictor, "loaded", None):
        network = loaded.network
        return (network.adapters[0].merge_and_unload() if network.adapters else network.model).state_dict()
    if heard := getattr(predictor, "recogniser", None):
        return heard.network.model.state_dict()
    return predictor.model.state_dict()


def test_rows_of_a_detectors_head_go_by_the_names_of_classes(subject: Subject, first: Path, tmp_path: Path) -> None:
    if subject.task.info.name != "vision.detection":
        pytest.skip("boxes alone")
    asked = recipe(subject, Strategy.FULL, model=str(first))
    study: Any = opened(subject.task, asked, RunFolder.create(asked, tmp_path / "again"))
    learnt = states(subject, first)
    name = "head.boxes.classification_head.cls_logits.weight"
    network = study.family.build(study.card, 2, pretrained=True, seed=0, size=study.prepared.format.size)
    fresh = network.model.state_dict()[name].clone()
    came_with.go_on(network, first, ["new", study.classes[1]], study.family.OF_CLASSES)
    rows = network.model.state_dict()[name]
    assert torch.equal(rows[0], fresh[0])
    assert torch.equal(rows[1], learnt[name][1])
