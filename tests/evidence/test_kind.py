"""Which kind of transfer a run is: every recorded run, and one case of each kind, told by data and never by name."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from engines import paths, registry
from engines.contract import Recipe, Result, Strategy
from engines.evidence import kind
from engines.runs import RunFolder

RECORDED = {
    "recorded_photographs_0": "inductive",
    "recorded_digits_seed_0": "inductive",
    "recorded_scenes_seed_0": "inductive",
    "recorded_films_seed_00": "inductive",
    "recorded_voices_seed_0": "few-shot",
    "recorded_scottish_s_00": "adaptation",
    "recorded_museum_seed_0": "adaptation",
    "recorded_passengers_00": "adaptation",
    "recorded_long_pole_000": "adaptation",
    "recorded_pendulum_late": "adaptation",
}


def result_of(strategy: str = "features", **values: Any) -> Result:
    text = (paths.showcase() / "recorded_photographs_0" / "result.json").read_text(encoding="utf-8")
    result = Result.from_json(text)
    details = {"classes": values.pop("classes", None), **values.pop("details", {})}
    if details["classes"] is None:
        del details["classes"]
    return dataclasses.replace(result, strategy=strategy, details=details, **values)


def placed(strategy: str = "features", *, source: set[str] | None = None, **values: Any) -> kind.Placed:
    recipe = Recipe("any.task", "/nowhere", "any", Strategy(strategy))
    return kind.of_run(recipe, result_of(strategy, **values), source_labels=source, unit="things")


def test_every_recorded_run_has_its_place() -> None:
    index = json.loads((paths.showcase() / "index.json").read_text(encoding="utf-8"))
    assert {entry["id"] for entry in index} == RECORDED.keys()


@pytest.mark.parametrize(("name", "expected"), RECORDED.items())
def test_a_recorded_run(name: str, expected: str) -> None:
    run = RunFolder(paths.showcase() / name)
    task = registry.task(run.recipe.task)
    result = run.result
    assert result is not None
    labels = task.source_labels(task.describe(run.recipe.model))
    found = kind.of_run(run.recipe, result, source_labels=labels, unit=task.info.unit)
    assert found.kind == expected, found.said
    assert all(reason.endswith(".") for reason in found.reasons)


def test_photographs_are_a_new_task_for_a_network_of_imagenet() -> None:
    run = RunFolder(paths.showcase() / "recorded_photographs_0")
    task = registry.task(run.recipe.task)
    result = run.result
    assert result is not None
    labels = task.source_labels(task.describe(run.recipe.model))
    found = kind.of_run(run.recipe, result, source_labels=labels, unit="photographs")
    assert found.reasons == (
        "New task: 0 of its 4 classes (animals, food, household, …) are among those that the network came with.",
        "It learnt from 185 labelled photographs, 46 a class.",
        "How far its data lie from the source's was not measured before it trained.",
    )


def test_the_same_labels_in_another_domain() -> None:
    """Tabby cats in drawings: the network of photographs knows the class already."""
    classes = ["Tabby_cat", "banana"]
    measured = {"said": "Measured from photographs, your data are further than 'digits'."}
    recipe = Recipe("any.task", "/nowhere", "any", Strategy.FEATURES)
    source = {"tabby cat", "banana", "tench"}
    found = kind.of_run(recipe, result_of(classes=classes), source_labels=source, mismatch=measured)
    assert (found.kind, found.same_task) == ("adaptation", True)
    assert found.reasons[0] == "Same task: its 2 classes are among those that the network came with."
    assert found.reasons[2] == measured["said"]


def test_new_labels() -> None:
    source = {"tabby cat"}
    assert placed(source=source, classes=["a", "tabby cat"], n_train=100, n_validation=0).kind == "inductive"
    assert placed(source=None, classes=["a", "b"], n_train=40, n_validation=0).kind == "few-shot"
    assert placed(source=None, classes=["a", "b"], n_train=42, n_validation=0).kind == "inductive"
    assert placed(source=None, classes=["a", "b"], n_train=2, n_validation=0).reasons[1] == (
        "It learnt from 2 labelled things, 1 a class."
    )


def test_no_labels() -> None:
    named = placed("zero-shot", classes=["a", "b"], n_train=400, trainable_parameters=0)
    assert (named.kind, named.same_task) == ("zero-shot", False)
    assert named.reasons[1] == "Nothing learnt: the target's labels were used for the test alone."


def test_no_labels_and_no_task() -> None:
    facts = kind.Facts(transfers=True, target_labels=frozenset(), source_labels=None, labelled=0, unlabelled=300)
    assert kind.placed(facts).kind == "unsupervised"
    assert kind.placed(facts).reasons[0] == "No task yet: nobody has named a class."


def test_the_same_task_without_labels_of_the_new_domain() -> None:
    labels = frozenset({"good", "bad"})
    facts = kind.Facts(transfers=True, target_labels=labels, source_labels=labels, labelled=0, unlabelled=150)
    assert kind.placed(facts).kind == "transductive"
    assert "without their labels" in kind.placed(facts).said


def test_a_recipe_with_a_target_is_transductive() -> None:
    @dataclasses.dataclass(frozen=True)
    class WithTarget(Recipe):
        target: str | None = None

    recipe = WithTarget("any.task", "/nowhere", "any", Strategy.FEATURES, target="/elsewhere")
    assert kind.of_run(recipe, result_of(classes=["a", "b"])).kind == "transductive"
    assert kind.of_run(dataclasses.replace(recipe, target=None), result_of(classes=["a", "b"])).kind != "transductive"


def test_control_keeps_its_task_where_the_physics_are_others() -> None:
    details = {"target": {"physics": {"pole_length": 1.6, "damping": 3.0}}}
    found = placed("identified", details=details, n_train=1000, n_validation=0)
    assert (found.kind, found.same_task) == ("adaptation", True)
    assert found.reasons[2] == "The target's physics differ from the simulator's: pole length 1.6, damping 3."


def test_varied_simulators_are_zero_shot() -> None:
    found = placed("randomised", details={"target": {"physics": {"m": 2.0}}}, n_train=0, n_validation=0)
    assert found.kind == "zero-shot"
    assert found.reasons[1] == "What learnt, learnt from nothing of the target."


def test_forecasting_as_it_came_is_zero_shot() -> None:
    found = placed("zero-shot", n_train=72, trainable_parameters=0)
    assert (found.kind, found.same_task) == ("zero-shot", True)


def test_from_scratch_nothing_is_transferred() -> None:
    found = placed("scratch", classes=["a", "b"])
    assert found.kind == "none"
    assert found.reasons[0] == "It began with random numbers: there is no source."
