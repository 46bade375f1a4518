"""A run's curves for the tools that people watch training with: TensorBoard files in RUN/tensorboard/, and MLflow.

Both are fed from events.jsonl alone, by a thread of the worker: whatever happens to them, the run goes on and a note
says what is missing. MLflow is spoken to when MLFLOW_TRACKING_URI is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from engines.contract import Cancelled, Event
from engines.messages import _
from engines.runs import RunFolder

if TYPE_CHECKING:
    from tensorboardX.event_file_writer import EventsWriter

EVERY_SECONDS = 2.0
"""Between two looks at the run's events."""
LAST_WORD_SECONDS = 20.0
"""What a slow server gets at the end of a run before it is left behind."""
MLFLOW_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ALLOW_FILE_STORE": "true",  # a folder will do here: nothing but curves is kept in it
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
EXPERIMENT = "Headstart"
MEASURED = ("train_loss", "train_metric", "validation_loss", "validation_metric", "learning_rate")


class Sink(Protocol):
    """Where curves go."""

    name: str

    def write(self, events: list[Event]) -> None:
        """Takes the run's next events."""

    def close(self, outcome: str) -> None:
        """`outcome` is one of MLflow's words: FINISHED, FAILED or KILLED."""


def curves(event: Event) -> dict[str, float]:
    """The numbers of one event as 'phase/name' -> value; empty for an event without any."""
    data = event.data
    if event.kind == "epoch":
        found = {f"{data.get('phase', 'training')}/{name}": data.get(name) for name in MEASURED}
    elif event.kind == "result":
        metric = f"test/{data['series']}/{data['metric']}"
        found = {f"{metric}/{name}": data.get(name) for name in ("value", "low", "high")}
    else:
        return {}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


# --- following a run ------------------------------------------------------------------------------


@contextlib.contextmanager
def followed(run: RunFolder) -> Iterator[None]:
    """While the body works on `run`, what it says is passed on. Raises nothing of its own."""
    sinks: list[Sink] = [TensorBoard(run)]
    if os.environ.get("MLFLOW_TRACKING_URI"):
        sinks.append(MLflow(run))
    over = threading.Event()
    outcome = ["FAILED"]
    thread = threading.Thread(target=_follow, args=(run, sinks, over, outcome), name="tracking", daemon=True)
    thread.start()
    try:
        yield
        outcome[0] = "FINISHED"
    except Cancelled:
        outcome[0] = "KILLED"
        raise
    finally:
        over.set()
        thread.join(LAST_WORD_SECONDS)


def _follow(run: RunFolder, sinks: list[Sink], over: threading.Event, outcome: list[str]) -> None:
    seen, last = -1, False
    while not last:
        last = over.wait(EVERY_SECONDS)
        try:
            events = run.events(after=seen)
        except OSError:
            return  # the folder is gone: the run itself will say so
        seen = events[-1].number if events else seen
        for sink in list(sinks):
            try:
                sink.write(events)
                if last:
                    sink.close(outcome[0])
            except Exception as error:
                sinks.remove(sink)
                traceback.print_exc(file=sys.stderr)
                with contextlib.suppress(OSError):
                    run.emit(
                        "note",
                        message=_(
                            "{name} does not get this run's curves: {reason}.", name=sink.name, reason=_reason(error)
                        ),
                    )


def _reason(error: Exception) -> str:
    """The beginning of what the library said; the whole of it is in the worker's log."""
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if len(text) <= 160 else text[:160] + " …").rstrip(".")


# --- TensorBoard ----------------------------------------------------------------------------------


class TensorBoard:
    """Scalars at their epoch, in the format of TensorBoard's event files. A run that is resumed is written anew."""

    name = "TensorBoard"

    def __init__(self, run: RunFolder):
        self.folder = run.path / "tensorboard"
        self._file: EventsWriter | None = None

    def write(self, events: list[Event]) -> None:
        for event in events:
            if numbers := curves(event):
                self._add(numbers, event)
        if self._file is not None:
            self._file.flush()

    def _add(self, numbers: dict[str, float], event: Event) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event as Record
        from tensorboardX.proto.summary_pb2 import Summary

        if self._file is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            self._file = EventsWriter(str(self.folder / "events"))
        values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        step = int(event.data.get("epoch", 0))
        self._file.write_event(Record(wall_time=event.time, step=step, summary=Summary(value=values)))

    def close(self, outcome: str) -> None:
        if self._file is not None:
            self._file.close()


# --- MLflow ---------------------------------------------------------------------------------------


class MLflow:
    """One MLflow run a run, under its title: the address of a run is its key, and stays here.

    RUN/mlflow.json remembers which one it is and how far it got, so that a resumed run goes on in it.
    """

    name = "MLflow"

    def __init__(self, run: RunFolder):
        self.run = run
        self._client: Any = None
        self._id = ""
        self._after = -1

    def write(self, events: list[Event]) -> None:
        self._begin()
        from mlflow.entities import Metric

        news = [event for event in events if event.number > self._after]
        metrics = [
            Metric(name, value, int(event.time * 1000), int(event.data.get("epoch", 0)))
            for event in news
            for name, value in curves(event).items()
        ]
        for start in range(0, len(metrics), 1000):  # as many as MLflow takes at once
            self._client.log_batch(self._id, metrics=metrics[start : start + 1000])
        if news:
            self._after = news[-1].number
            self._remember()

    def close(self, outcome: str) -> None:
        recipe = self.run.recipe  # by now it names its data and versions
        if recipe.data_sha256:
            self._client.set_tag(self._id, "data_sha256", recipe.data_sha256)
        for name, version in recipe.versions.items():
            self._client.set_tag(self._id, f"version.{name}", version)
        self._client.set_terminated(self._id, outcome)

    def _begin(self) -> None:
        if self._client is not None:
            return
        for name, value in MLFLOW_DEFAULTS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient
        from mlflow.entities import Param

        uri = os.environ["MLFLOW_TRACKING_URI"]
        client = MlflowClient(tracking_uri=uri)
        if (kept := self._remembered()).get("uri") == uri:
            self._id, self._after = kept["run"], kept["after"]
            client.update_run(self._id, status="RUNNING")
        else:
            title = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
            found = client.get_experiment_by_name(title)
            experiment = found.experiment_id if found else client.create_experiment(title)
            recipe = self.run.recipe
            created = client.create_run(experiment, run_name=recipe.title or f"{recipe.task}, {recipe.model}")
            self._id = created.info.run_id
            known = {"task": recipe.task, "model": recipe.model, "strategy": recipe.strategy, "seed": recipe.seed}
            params = [Param(name, str(value)[:500]) for name, value in (known | recipe.settings).items()]
            client.log_batch(self._id, params=params)
        self._client = client
        self._remember()

    def _remembered(self) -> dict[str, Any]:
        try:
            kept = json.loads((self.run.path / "mlflow.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _remember(self) -> None:
        kept = {"uri": os.environ["MLFLOW_TRACKING_URI"], "run": self._id, "after": self._after}
        self.run.write("mlflow.json", json.dumps(kept))
