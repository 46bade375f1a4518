"""Tiny models and data for every registered task, and one finished run of each of its strategies."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engines import registry
from engines.contract import Recipe, Settings, Strategy, Task
from engines.jobs import worker
from engines.runs import RunFolder
from tests.contract.tiny import TINY, Tiny

OWNER, HOST = "wilhelmina", "host-of-wilhelmina"
UPLOAD, RUN = "Up10ad-Up10ad-Up10ad-0", "RunRunRun-RunRunRun-00"
"""Whose machine it is, and ids: what no model that leaves it may say (see test_exports.py)."""
TEMPLATE = "example.shapes=templates.task.task:Shapes"
"""The task that people copy, as it is: it stands in no registry."""
os.environ["HEADSTART_EXTRA_TASKS"] = TEMPLATE  # while tests are collected; while they run, `tiny_models` says it


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
        return self.tiny.first_strategy or self.task.info.usual

    @property
    def rival(self) -> str:
        """What a run can be asked to be compared with."""
        return "scratch" if Strategy.SCRATCH in self.task.info.strategies else self.task.info.rival

    @property
    def settings(self) -> Settings:
        """Those of the short runs, as the data are checked with them."""
        return self.task.settings.parse(self.tiny.strategies[self.first])

    def model(self, strategy: Strategy) -> str:
        """The tiny model that is used by that strategy."""
        return self.tiny.models.get(strategy, self.tiny.model)

    def recipe(self, strategy: Strategy, *, seed: int = 0, **settings: object) -> Recipe:
        return Recipe(
            self.task.info.name,
            str(self.data),
            self.model(strategy),
            strategy,
            seed=seed,
            settings={**self.tiny.strategies[strategy], **settings},
        )

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
        patch.setenv("HEADSTART_EXTRA_TASKS", TEMPLATE)
        for name in ("USER", "LOGNAME"):
            patch.setenv(name, OWNER)
        patch.setattr("socket.gethostname", lambda: HOST)
        patch.setattr("platform.node", lambda: HOST)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package", params=registry.names())
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("data") / OWNER / "uploads" / UPLOAD
    tiny = TINY[request.param]
    return Subject(
        registry.task(request.param), tiny, tiny.write_data(folder / "data"), *tiny.write_new(folder / "new")
    )


@pytest.fixture(scope="package", params=sorted(registry.strategies()))
def strategy(request: pytest.FixtureRequest) -> Strategy:
    """Each strategy that the task declares."""
    return Strategy(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Takes out the pairs of a task and a strategy, or a format, that it does not offer; and the tasks that a test is
    not marked for."""
    items[:] = [item for item in items if offered(getattr(item, "callspec", None), getattr(item, "fixturenames", ()))]
    items[:] = [item for item in items if meant(item)]


def meant(item: pytest.Item) -> bool:
    """Whether a test that is the same for all tasks (`@pytest.mark.tasks(…)`) is to be tried on this one."""
    marker, spec = item.get_closest_marker("tasks"), getattr(item, "callspec", None)
    return marker is None or spec is None or spec.params["subject"] in marker.args


def offered(spec: Any, fixtures: Iterable[str]) -> bool:
    if spec is None or "subject" not in spec.params:
        return True
    info = registry.task(spec.params["subject"]).info
    formats = [spec.params["format"]] if "format" in spec.params else ["script"] if "script" in fixtures else []
    return spec.params.get("strategy") in {None, *info.strategies} and set(formats) <= set(info.exports)


@pytest.fixture(scope="package")
def trained(subject: Subject, strategy: Strategy, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of that strategy."""
    return subject.run(tmp_path_factory.mktemp("runs") / strategy, subject.recipe(strategy))


@pytest.fixture(scope="package")
def features(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of the strategy that stands for all."""
    recipe = subject.recipe(subject.first)
    return subject.run(tmp_path_factory.mktemp("runs") / OWNER / RUN, recipe)


def repeated(ended: subprocess.CompletedProcess[str], folder: Path, run: RunFolder) -> None:
    """A script of a run, or a notebook, came to its metric, and to its answer to every example."""
    assert ended.returncode == 0, ended.stderr
    assert run.result is not None
    value = re.findall(rf"{run.result.metric.replace('_', ' ')} (\S+)", ended.stdout)[-1]
    assert float(value) == pytest.approx(run.result.value, abs=1e-12)
    rows = pq.read_table(run.path / "predictions.parquet").to_pylist()
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert answers == {row["file"]: row["predicted"] for row in rows}
