"""A task that learns to count, without torch: one step is one epoch, written to a checkpoint before it is told.

It can be held at a step until the test lets go, and can fail in each way that a real task can.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.contract import (
    DataReport,
    InputError,
    ModelCard,
    Problem,
    Progress,
    Recipe,
    Result,
    Run,
    Sample,
    Settings,
    Strategy,
    Task,
    TaskInfo,
    Verdict,
    setting,
)

NAME = "toy.counting"


@dataclass(frozen=True)
class ToySettings(Settings):
    steps: int = setting(3, "How far to count.", low=1)
    hold_at: int = setting(0, "Wait after this step until the file `go` appears in the run folder; 0 never waits.")
    trouble: str = setting("", "What goes wrong at the first step.")


class Toy(Task):
    info = TaskInfo(
        name=NAME,
        title="Count",
        unit="steps",
        metric="count",
        metric_title="Count",
        metric_help="How far it counted.",
        higher_is_better=True,
        strategies=(Strategy.SCRATCH,),
        formats=("anything",),
        exports=("script",),
        default_model="fingers",
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
        for done in range(4):
            if progress:
                progress(done, 3)
        return DataReport(NAME, str(data), 3, {"é": 3}, {"train": 3}, [], [f"seed {seed}, {settings}"], "0" * 64)

    def fit(self, recipe: Recipe, run: Run) -> Result:
        settings = ToySettings.parse(recipe.settings)
        _make_trouble(settings.trouble, run)
        reached = run.path / "checkpoint" / "step"
        done = int(reached.read_text()) if reached.exists() else 0
        run.emit("note", message=f"starts at {done}")
        print("card:", os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
        while done < settings.steps:
            run.check_cancelled()
            done += 1
            reached.parent.mkdir(exist_ok=True)
            reached.write_text(str(done))
            run.emit("epoch", series="transfer", epoch=done, epochs=settings.steps)
            while done == settings.hold_at and not (run.path / "go").exists():
                run.check_cancelled()
                time.sleep(0.01)
        return Result(
            run=run.path.name, task=NAME, model=recipe.model, strategy=recipe.strategy, metric="count",
            value=done, low=done, high=done, higher_is_better=True, n_train=1, n_validation=1, n_test=1, seconds=0.0,
            trainable_parameters=0, parameters=10, seed=recipe.seed, baselines={},
        )  # fmt: skip

    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        raise InputError(Problem("compare", "counting is not compared", "another task"))

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
class ToyPredictor:
    value: float

    def predict(self, data: Path) -> list[dict[str, Any]]:
        return [{"file": data.name, "label": str(self.value), "probabilities": {"é": 1.0}}]

    def stream(self, messages: list[dict[str, str]], *, most: int = 3, seed: int = 0) -> Iterator[str]:
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
        case "deaf":  # never looks whether it was cancelled
            run.emit("note", message="deaf")
            while True:
                time.sleep(0.05)
