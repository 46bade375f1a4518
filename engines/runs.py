"""A run is a folder. This is the one place that knows what lies in it.

recipe.json          everything needed to repeat the run
events.jsonl         append-only progress
worker.json          process id, creation time and host of the worker that has the run, while it has it
worker.log           what the worker printed, and the traceback of a defect
heartbeat            touched every second while a worker has the run
cancel               exists once somebody asked the run to stop
checkpoint/          the newest epoch: trainable weights, optimiser state
model/               the best epoch, in the task's own portable format, and what a script that repeats the run needs
predictions.parquet  one row a test example
learnt_from.parquet  one row an example that was learnt from (classifiers)
videos/              the policy at work before and after, as GIFs (control)
corrections.json     labels that a person put right on the page, for the next run
result.json          exists once the run is done
README.md            model card
report.html          the result on one page, no network needed
tensorboard/         the curves as TensorBoard event files
mlflow.json          which MLflow run has the curves, where MLFLOW_TRACKING_URI was set
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines import places
from engines.contract import Cancelled, Event, InputError, Problem, Recipe, Result, State

ID = re.compile(r"[A-Za-z0-9_-]{22}")
HEARTBEAT_SECONDS = 1.0


def new_id() -> str:
    """An unguessable name: whoever knows it may see and cancel the run, nobody else."""
    return secrets.token_urlsafe(16)


class RunFolder:
    """One run on disk. Any process may read it; one worker at a time writes it."""

    def __init__(self, path: Path):
        self.path = Path(path)

    @property
    def id(self) -> str:
        return self.path.name

    @classmethod
    def create(cls, recipe: Recipe, path: Path | None = None) -> RunFolder:
        """A new run folder (default: below `places.runs()`, under a fresh id) that holds the recipe."""
        run = cls(path or places.runs() / new_id())
        run.path.mkdir(parents=True, exist_ok=True)
        run.write("recipe.json", recipe.to_json())
        return run

    @classmethod
    def find(cls, run_id: str) -> RunFolder:
        """The run of that id. Raises InputError when there is none; an id is never used as a path unchecked."""
        if ID.fullmatch(run_id):
            for root in (places.runs(), places.showcase()):
                if (root / run_id / "recipe.json").is_file():
                    return cls(root / run_id)
        raise InputError(Problem("run", "there is no run at this address", "check the link, or start a new run"))

    # -- reading

    @property
    def exists(self) -> bool:
        """False once somebody moved or deleted the folder."""
        return (self.path / "recipe.json").is_file()

    @property
    def recipe(self) -> Recipe:
        return Recipe.from_json((self.path / "recipe.json").read_text(encoding="utf-8"))

    @property
    def result(self) -> Result | None:
        try:
            return Result.from_json((self.path / "result.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def events(self, after: int = -1) -> list[Event]:
        """Events whose number is above `after`. A line still being written is left for the next call."""
        return [event for event in self._read_events() if event.number > after]

    def _read_events(self) -> Iterator[Event]:
        try:
            text = (self.path / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(text.split(b"\n")[:-1]):
            try:
                values = json.loads(line)
            except ValueError:  # a worker was killed in mid-line; the next one began a new line
                continue
            yield Event(number=number, time=values.pop("time"), kind=values.pop("kind"), data=values)

    @property
    def state(self) -> tuple[State, str]:
        """The last state that was written, and the sentence that came with it."""
        for event in reversed(list(self._read_events())):
            if event.kind == "status":
                return State(event.data["state"]), event.data.get("message", "")
        return State.QUEUED, ""

    def seconds_since_heartbeat(self) -> float:
        try:
            return time.time() - (self.path / "heartbeat").stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    # -- writing

    def emit(self, kind: str, **data: Any) -> None:
        """Append one event. A whole line goes out in one write, so that readers never see half of one."""
        line = json.dumps({"time": round(time.time(), 3), "kind": kind, **data}, ensure_ascii=False)
        path = self.path / "events.jsonl"
        with path.open("ab+") as file:
            if file.tell() and not _ends_with_newline(file):
                line = "\n" + line
            file.write(line.encode() + b"\n")

    def set_state(self, state: State, message: str = "") -> None:
        self.emit("status", state=state, message=message)

    def write(self, name: str, text: str) -> Path:
        """Write a file whole or not at all."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
        return target

    def rename(self, title: str) -> None:
        self.write("recipe.json", replace(self.recipe, title=" ".join(title.split())[:80]).to_json())

    def beat(self) -> None:
        (self.path / "heartbeat").touch()

    # -- stopping

    def request_cancel(self) -> None:
        (self.path / "cancel").touch()

    def clear_cancel(self) -> None:
        (self.path / "cancel").unlink(missing_ok=True)

    @property
    def cancel_requested(self) -> bool:
        return (self.path / "cancel").exists()

    def check_cancelled(self) -> None:
        """Raises Cancelled when somebody asked the run to stop, and FileNotFoundError when its folder is gone."""
        if self.cancel_requested:
            raise Cancelled
        if not self.exists:  # or a checkpoint would make a folder that no run lies in
            raise FileNotFoundError(self.path / "recipe.json")


def _ends_with_newline(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def refusal(run: Path, found: str, accepted: str) -> InputError:
    """Why something cannot be had of a run."""
    return InputError(Problem(f"run {run.name}", found, accepted))


def no_model(run: Path) -> InputError:
    return refusal(run, "there is no trained model in it", "accepted: a run that is done")
