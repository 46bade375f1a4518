"""What may be asked of a search, and what every task gives it to try."""

from __future__ import annotations

from typing import Any

import pytest

from engines import registry
from engines.contract import InputError, OneOf, Range, Recipe, Strategy
from engines.search.plan import LEARN_NOTHING, Plan, Space, parameter
from engines.search.search import whole_tests


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "--max-seconds: found None; accepted: 5 seconds or more."),
        ({"max_seconds": 1}, "--max-seconds: found 1; accepted: 5 seconds or more."),
        ({"max_seconds": float("nan")}, "--max-seconds: found nan; accepted: 5 seconds or more."),
        (
            {"max_seconds": 60, "trials": 1},
            "--trials: found 1; accepted: 2 (the default and one to compare it with) to 1,000.",
        ),
        ({"max_seconds": 60, "models": "a"}, "--models: found a; accepted: names, comma-separated."),
        (
            {"max_seconds": 60, "minutes": 1},
            "arguments of 'search': found minutes; accepted: max_seconds, trials, models, strategies.",
        ),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        Plan.read(arguments)
    assert str(refused.value) == sentence


def test_what_is_asked_is_read_back() -> None:
    plan = Plan(60.0, 5, ("a", "b"), ("full",))
    assert Plan.read(plan.arguments()) == plan


@pytest.mark.parametrize("task", registry.TASKS)
def test_every_task_names_settings_that_it_has_within_their_bounds(task: str) -> None:
    settings = registry.task(task).settings
    assert settings.searched, "nothing but models and strategies would be tried"
    for name, tried in settings.searched.items():
        if name in settings.hidden:
            continue
        own = settings.__dataclass_fields__[name].metadata
        for strategy in set(registry.task(task).info.strategies) - LEARN_NOTHING:
            values: tuple[Any, ...]
            if isinstance(tried, OneOf):
                values = tried.values
            else:
                assert isinstance(tried, Range)
                usual = settings.by_default(name, strategy) if tried.times_usual else 1
                values = () if usual is None else (tried.low * usual, tried.high * usual)
            assert list(values) == sorted(values, key=str) or values[0] < values[-1] or isinstance(tried, OneOf)
            for value in values:
                assert settings.parse({name: value}) is not None
            assert own["help"]


def test_settings_of_two_strategies_are_two_parameters() -> None:
    assert parameter("learning_rate", Strategy.FULL) != parameter("learning_rate", Strategy.LORA)


def test_a_model_that_is_not_here_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.task("text.sentiment")
    monkeypatch.setattr("engines.weights.find", lambda card: card.name == task.info.default_model or None)
    default = Recipe(task.info.name, "/data", task.info.default_model, task.info.usual)
    away = next(card.name for card in task.models() if card.name != task.info.default_model)
    with pytest.raises(InputError) as refused:
        Space.of(task, default, Plan(60, models=(away,)))
    assert str(refused.value) == (
        f"--models: {away} is not on this machine; accepted, as they are here: {task.info.default_model}; "
        "`prefetch` brings others."
    )


def test_strategies_that_no_model_can_be_used_with_leave_nothing_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.task("vision.detection")
    monkeypatch.setattr("engines.weights.find", lambda _card: "here")
    model = task.info.default_model
    assert task.lacks(Strategy.LORA, task.describe(model)), "it has learnt from no boxes"
    default = Recipe(task.info.name, "/data", model, Strategy.LORA)
    with pytest.raises(InputError) as refused:
        Space.of(task, default, Plan(60, models=(model,), strategies=("lora",)))
    assert str(refused.value) == (
        "vision.detection: no strategy that was asked for can be used with these models; accepted: other models, or "
        "other strategies."
    )


def test_folds_leave_nothing_to_choose_by() -> None:
    default = Recipe("vision.classification", "/data", "any", Strategy.FEATURES, settings={"folds": 4})
    with pytest.raises(InputError, match="in folds every example is tested on, so that none is left to choose by"):
        whole_tests(registry.task("vision.classification"), default)


def test_models_that_the_metric_cannot_compare_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.task("text.generation")
    monkeypatch.setattr("engines.weights.find", lambda _card: "here")
    default = Recipe(task.info.name, "/data", task.info.default_model, task.info.usual)
    assert [card.name for card in Space.of(task, default, Plan(60)).models] == [default.model]
    other = next(card.name for card in task.models() if card.name != default.model)
    with pytest.raises(InputError, match=f"--models: {other} cannot be compared with .*; perplexity"):
        Space.of(task, default, Plan(60, models=(other,)))


def test_the_default_comes_first_then_strategies_then_models(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.task("vision.classification")
    monkeypatch.setattr("engines.weights.find", lambda _card: "here")
    default = Recipe(task.info.name, "/data", task.info.default_model, task.info.usual)
    space = Space.of(task, default, Plan(60))
    usual = space.usual()
    assert (usual[0].model, usual[0].strategy) == (default.model, default.strategy)
    assert all(not candidate.settings for candidate in usual)
    own = [candidate.strategy for candidate in usual if candidate.model == default.model]
    assert usual[: len(own)] == [candidate for candidate in usual if candidate.model == default.model]
    assert Strategy.SCRATCH not in own
    assert {candidate.strategy for candidate in usual[len(own) :]} == {default.strategy}
    for candidate in usual:
        assert space.as_parameters(candidate)["model"] == candidate.model
