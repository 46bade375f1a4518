"""`check` with a model and a strategy refuses what `fit` refuses before its first step, with the same problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines import api, lifecycle
from engines.contract import Cancelled, InputError, Problem, Strategy
from tests.contract.conftest import Subject

ODD: tuple[dict[str, Any], ...] = (
    {},
    {"mixed_precision": "fp16"},
    {"blocks": 999},
    {"depth": 1},
    {"depth": 999},
    {"folds": 2},
    {"folds": 50},
    {"image_size": 2048},
    {"mix": "mixup"},
    {"hypothesis": "no class in it"},
    {"language": "xx"},
    {"horizon": 500},
    {"real_steps": 1},
    {"max_tokens": 1000, "windows": 1},
)


BITES = {"blocks": "partial", "hypothesis": "zero-shot", "mix": "full"}
"""Odd setting -> the strategy that it matters for; any other is tried with the first that the task offers."""


class FirstStep(Exception):
    """Something has begun to learn, or to answer."""


class UntilFirstStep:
    """A run that ends where it begins to learn, or to be tested."""

    def __init__(self, path: Path):
        self.path = path

    def emit(self, kind: str, **data: Any) -> None:
        if kind in {"epoch", "result"} or (kind == "phase" and data["name"] in {"head", "fine-tuning", "testing"}):
            raise FirstStep

    def check_cancelled(self) -> None:
        pass

    def write(self, name: str, text: str) -> Path:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name


def refused_by_fit(subject: Subject, strategy: Strategy, data: Path, settings: dict[str, Any], out: Path) -> Any:
    try:
        recipe = api.recipe(
            subject.task.info.name, data, model=subject.model(strategy), strategy=strategy, settings=settings
        )
        lifecycle.fit(subject.task, recipe, UntilFirstStep(out))
    except InputError as error:
        return error.problems
    except (FirstStep, Cancelled):
        return ()
    return ()


def refused_by_check(subject: Subject, strategy: Strategy, data: Path, settings: dict[str, Any]) -> Any:
    try:
        api.check(subject.task.info.name, data, model=subject.model(strategy), strategy=strategy, settings=settings)
    except InputError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ",".join(map("{0[0]}={0[1]}".format, odd.items())) or "usual")
def test_check_refuses_what_fit_refuses(
    subject: Subject, strategy: Strategy, odd: dict[str, Any], tmp_path: Path
) -> None:
    known = subject.task.settings.__dataclass_fields__
    if not odd.keys() <= known.keys():
        pytest.skip("another task's setting")
    offered = subject.task.info.strategies
    if odd and strategy != next((BITES[name] for name in odd if BITES.get(name) in offered), offered[0]):
        pytest.skip("tried with another strategy")
    settings = {**subject.tiny.strategies[strategy], **odd}
    refused = refused_by_check(subject, strategy, subject.data, settings)
    assert refused == refused_by_fit(subject, strategy, subject.data, settings, tmp_path)
    assert all(isinstance(problem, Problem) for problem in refused)
    if not odd:
        assert refused == ()
