"""A task that learns to count, without torch: one step is one epoch, written to a checkpoint before it is told.

It can be held at a step until the test lets go, and can fail in each way that a real task can.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import statistics
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import (
    Budgets,
    DataReport,
    Estimate,
    InputError,
    Items,
    Metric,
    ModelCard,
    Predictor,
    Problem,
    Progress,
    Recipe,
    Run,
    Sample,
    Scores,
    Settings,
    Strategy,
    Study,
    Task,
    TaskInfo,
    Trial,
    offered,
    setting,
)
from engines.evidence.effects import Effects
from engines.runs import RunFolder

NAME = "toy.counting"


@dataclass(frozen=True)
class ToySettings(Settings):
    steps: int = setting(3, "How far to count.", low=1)
    hold_at: int = setting(
        0, "Wait after this step, of all trainings together, until `go` appears in the run folder; 0 never waits."
    )
    pause: int = setting(0, "Milliseconds that a step takes.")
    trouble: str = setting("", "What goes wrong at the first step.")
    baseline: str = setting("none", "Whether it also counts from scratch.", choices=("none", "scratch"))


class Toy(Task):
    info = TaskInfo(
        name=NAME,
        title="Count",
        unit="steps",
        metric=Metric("count", "Count", "How far it counted.", higher_is_better=True, kind="count"),
        offers=offered(Strategy.FULL, Strategy.SCRATCH),
        usual=Strategy.SCRATCH,
        formats=("anything",),
        accepts=("zip",),
        exports=("script",),
        default_model="fingers",
        pipeline_tag="other",
        library="headstart",
    )
    settings = ToySettings

    def models(self) -> list[ModelCard]:
        return [self.describe("fingers")]

    def describe(self, model: str) -> ModelCard:
        if model != "fingers":
            raise InputError(Problem("model", f"there is no {model!r}", "known: fingers"))
        return ModelCard(model, "Fingers", "hands", 10, 0, "none", "us", "counting", "anything", (), 1)

    def samples(self) -> list[Sample]:
        return []

    def make_sample(self, name: str, out: Path) -> Path:
        out.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
        return out / name

    def check(
        self,
        data: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        gallery: Path | None = None,
        test: Path | None = None,
        progress: Progress | None = None,
    ) -> DataReport:
        if data.name == "crash":
            os._exit(9)  # as a native library does
        if data.name == "bug":
            raise ZeroDivisionError("a secret")
        if data.name == "wrong":
            raise InputError(Problem("a.png", "found 0 bytes", "a picture is accepted"), Problem("b", "none", "one"))
        if data.name == "endless":
            _read_without_end(data, progress)
        if data.name == "deaf":
            _read_without_end(data, None)
        for done in range(4):
            if progress:
                progress(done, 3)
        return DataReport(NAME, str(data), 3, {"é": 3}, {"train": 3}, [], [f"seed {seed}, {settings}"], "0" * 64)

    def open(self, recipe: Recipe, run: Run) -> ToyStudy:
        return ToyStudy(self, recipe, ToySettings.parse(recipe.settings), run)

    def load(self, run: Path) -> ToyPredictor:
        with (run / "loads").open("a") as file:
            file.write("x")
        return ToyPredictor(json.loads((run / "result.json").read_text())["value"])

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        return [{"file": example or data.name, "label": "é", "method": method or "none", "picture": out / "0.png"}]

    def export(self, run: Path, format: str, out: Path) -> Path:
        if format != "script":
            raise InputError(Problem("format", f"found {format!r}", "accepted: script"))
        return out


@dataclass
class ToyProgress:
    epoch: int
    best_epoch: int
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ToyScores:
    """How far each seed counted: int64 (1,) each."""

    outcomes: Sequence[np.ndarray]
    n: int = 1

    too_few: str = ""

    def effects(self) -> Effects:
        return Effects.alike(np.stack(self.outcomes).astype(float))

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        values = [int(outcome[0]) for outcome in self.outcomes]
        return Estimate(statistics.mean(values), min(values), max(values), self.n, len(values))

    def minus(self, other: ToyScores, *, learnt_from: int = 0, level: float = 0.95) -> Estimate:
        return ToyScores([a - b for a, b in zip(self.outcomes, other.outcomes, strict=True)]).estimate()


@dataclass
class ToyTrial:
    value: int
    progress: ToyProgress
    trainable: int = 0
    parameters: int = 10
    seconds: float = 0.0

    @property
    def scores(self) -> ToyScores:
        return ToyScores([np.array([self.value])])

    def state(self) -> dict[str, Any]:
        return {}


class ToyStudy(Study):
    sha256 = "0" * 64
    device, precision = "cpu", "fp32"
    budgets = Budgets(1, 100, "steps")

    def __init__(self, task: Toy, recipe: Recipe, settings: ToySettings, run: Run):
        super().__init__(task, recipe, settings, run)
        _make_trouble(settings.trouble, run)

    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> ToyTrial:
        run = run or self.run
        rival = self.compares and strategy is Strategy.SCRATCH
        before = (1 if rival else RunFolder(self.run.path).trials_done) * self.settings.steps
        reached = run.path / "checkpoint" / ("rival" if rival else "step")
        if rival and self.settings.trouble == "deaf from scratch":
            _never_listen(run)
        done = int(reached.read_text()) if reached.exists() else 0
        run.emit("note", message=f"starts at {done}")
        print("card:", os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
        print("its memory:", os.environ.get("PYTORCH_ALLOC_CONF", "as PyTorch takes it"))
        while done < self.settings.steps:
            run.check_cancelled()
            time.sleep(self.settings.pause / 1000)
            done += 1
            reached.parent.mkdir(parents=True, exist_ok=True)
            partial = reached.with_suffix(".part")
            partial.write_text(str(done))
            partial.replace(reached)  # whole or not at all, as training.checkpoint does it
            run.emit("epoch", series=series, epoch=done, epochs=self.settings.steps)
            while before + done == self.settings.hold_at and not (self.run.path / "go").exists():
                run.check_cancelled()
                time.sleep(0.01)
        value = done if budget is None else budget * done + (seed or 0) - (strategy is Strategy.SCRATCH)
        return ToyTrial(value, ToyProgress(done, done))

    def scores(self, outcomes: Sequence[np.ndarray]) -> ToyScores:
        return ToyScores(outcomes)

    def keep(self, trial: Trial, value: Estimate) -> None: ...

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        return 1, 1, 1

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        return {"input": "anything"}

    def items(self) -> Items:
        return Items(np.ones(1), np.zeros(1, np.int64), np.zeros(1, np.int64))


@dataclass
class ToyPredictor(Predictor):
    value: float

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        del progress
        yield {"file": data.name, "label": str(self.value), "probabilities": {"é": 1.0}}

    def answer(
        self,
        messages: list[dict[str, str]],
        *,
        who: str = "tuned",
        most: int = 3,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Generator[str, None, None]:
        """Says the last message back, `most` times; writes 'closed' into the file of that name when it is stopped."""
        if not messages:
            raise InputError(Problem("messages", "there are none", "accepted: one or more"))
        try:
            for _ in range(most):
                yield messages[-1]["content"]
                if most > 1000:
                    time.sleep(0.001)
        finally:
            if most > 1000:
                Path(messages[0]["content"]).write_text("closed")


def _make_trouble(trouble: str, run: Run) -> None:
    match trouble:
        case "input":
            raise InputError(Problem("a.png", "found 0 bytes", "a picture is accepted"))
        case "disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "full disk below a library":
            raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
        case "gone":
            shutil.rmtree(run.path)
            run.check_cancelled()
        case "memory":
            raise MemoryError
        case "card":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        case "bug":
            raise ZeroDivisionError("a secret")
        case "deaf":
            _never_listen(run)


def _read_without_end(data: Path, progress: Progress | None) -> None:
    """Works for the processor; says how it ended in a file beside the data."""
    try:
        while True:
            if progress:
                progress(0, 1)
    finally:
        if progress:
            (data.parent / "ended").touch()


def _never_listen(run: Run) -> None:
    """Never looks whether it was cancelled."""
    run.emit("note", message="deaf")
    while True:
        time.sleep(0.05)
