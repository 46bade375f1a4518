"""Tiny models and data for every registered task, and one finished run of each of its strategies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engines import registry
from engines.contract import Recipe, Settings, Strategy, Task
from engines.jobs import worker
from engines.runs import RunFolder
from tests.contract.tiny import TINY, Tiny


@dataclass(frozen=True)
class Subject:
    """A task under test and what it works on."""

    task: Task
    tiny: Tiny
    data: Path
    new: Path
    bad_file: str

    @property
    def first(self) -> Strategy:
        """The strategy that stands for all where one will do."""
        return self.tiny.first_strategy or self.task.info.strategies[0]

    @property
    def rival(self) -> str:
        """What a run can be asked to be compared with."""
        return "scratch" if Strategy.SCRATCH in self.task.info.strategies else self.task.info.rival

    @property
    def settings(self) -> Settings:
        """Those of the short runs, as the data are checked with them."""
        return self.task.settings.parse(self.tiny.strategies[self.first])

    def recipe(self, strategy: Strategy, *, seed: int = 0, **settings: object) -> Recipe:
        return Recipe(
            self.task.info.name, str(self.data), self.tiny.model, strategy,
            seed=seed, settings={**self.tiny.strategies[strategy], **settings},
        )  # fmt: skip

    def run(self, path: Path, recipe: Recipe) -> RunFolder:
        """Trains that recipe in `path`, as the worker does."""
        run = RunFolder(path)
        if not (path / "recipe.json").exists():
            RunFolder.create(recipe, path)
        assert worker.execute(run) == worker.DONE, run.state
        return run


@pytest.fixture(scope="package", autouse=True)
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Weights for the tiny models, and one thread: with more, such small networks only wait for each other."""
    import torch

    models, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    for tiny in TINY.values():
        tiny.write_weights(models)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package", params=list(registry.TASKS))
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("data")
    tiny = TINY[request.param]
    return Subject(
        registry.task(request.param), tiny, tiny.write_data(folder / "data"), *tiny.write_new(folder / "new")
    )


DECLARED = {strategy for name in registry.TASKS for strategy in registry.task(name).info.strategies}


@pytest.fixture(scope="package", params=[strategy for strategy in Strategy if strategy in DECLARED])
def strategy(request: pytest.FixtureRequest) -> Strategy:
    """Each strategy that the task declares."""
    return Strategy(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Takes out the pairs of a task and a strategy that it does not offer."""
    items[:] = [item for item in items if offered(getattr(item, "callspec", None))]


def offered(spec: Any) -> bool:
    if spec is None or not {"subject", "strategy"} <= spec.params.keys():
        return True
    return spec.params["strategy"] in registry.task(spec.params["subject"]).info.strategies


@pytest.fixture(scope="package")
def trained(subject: Subject, strategy: Strategy, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of that strategy."""
    return subject.run(tmp_path_factory.mktemp("runs") / strategy, subject.recipe(strategy))


@pytest.fixture(scope="package")
def features(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of the strategy that stands for all."""
    recipe = subject.recipe(subject.first)
    return subject.run(tmp_path_factory.mktemp("runs") / "first", recipe)
