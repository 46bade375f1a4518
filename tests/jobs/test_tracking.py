"""Curves in TensorBoard's files and in MLflow, from a run's own events; neither can stop a run."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engines import runs
from engines.contract import Cancelled, Event, Recipe, Strategy
from engines.jobs import tracking, worker
from engines.runs import RunFolder

Recipes = Callable[..., Recipe]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    recipe = Recipe("vision.classification", "/data", "resnet18", Strategy.FULL, settings={"epochs": 2}, title="Mugs")
    return RunFolder.create(recipe, tmp_path / runs.new_id())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "EVERY_SECONDS", 0.02)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", *tracking.MLFLOW_DEFAULTS):
        monkeypatch.delenv(name, raising=False)


def say(run: RunFolder, epoch: int) -> None:
    run.emit("epoch", phase="head", series="transfer", epoch=epoch, epochs=9, train_loss=1 / epoch, rate=5.0)


def stop(run: RunFolder) -> None:
    """One epoch, and then somebody cancels."""
    say(run, 1)
    raise Cancelled


def notes(run: RunFolder) -> list[str]:
    return [event.data["message"] for event in run.events() if event.kind == "note"]


def test_what_counts_as_a_curve() -> None:
    epoch = {"phase": "head", "epoch": 3, "train_loss": 0.5, "train_metric": None, "rate": 3.0}
    assert tracking.curves(Event(0, 0.0, "epoch", epoch)) == {"head/train_loss": 0.5}
    result = {"series": "transfer", "metric": "accuracy", "value": 0.5, "low": 0.25, "high": 0.75}
    assert tracking.curves(Event(0, 0.0, "result", result)) == {
        "test/transfer/accuracy/value": 0.5,
        "test/transfer/accuracy/low": 0.25,
        "test/transfer/accuracy/high": 0.75,
    }
    assert tracking.curves(Event(0, 0.0, "note", {"message": "hello"})) == {}


# --- TensorBoard ----------------------------------------------------------------------------------


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """(tag, step, value) in the event files of `folder`, read record by record as TensorBoard does."""
    from tensorboardX.proto.event_pb2 import Event as Record

    found = []
    for file in sorted(folder.iterdir()):
        data = file.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            record = Record.FromString(data[12 : 12 + length])
            found += [(value.tag, record.step, value.simple_value) for value in record.summary.value]
            data = data[16 + length :]
    return found


def test_tensorboard_has_every_epoch_once_also_after_a_resume(run: RunFolder) -> None:
    with pytest.raises(Cancelled), tracking.followed(run):
        stop(run)
    assert scalars(run.path / "tensorboard") == [("head/train_loss", 1, 1.0)]
    with tracking.followed(run):
        say(run, 2)
    assert scalars(run.path / "tensorboard") == [("head/train_loss", 1, 1.0), ("head/train_loss", 2, 0.5)]


def test_it_is_there_while_the_run_works(run: RunFolder, wait: Callable[..., Any]) -> None:
    with tracking.followed(run):
        say(run, 1)
        wait(lambda: (run.path / "tensorboard").exists() and scalars(run.path / "tensorboard"), "the first epoch")


def test_a_run_without_curves_writes_no_file(recipe: Recipes) -> None:
    run = RunFolder.create(recipe(trouble="input"))
    worker.execute(run)
    assert not (run.path / "tensorboard").exists()


def test_files_that_cannot_be_written_are_a_note(run: RunFolder) -> None:
    (run.path / "tensorboard").write_text("in the way")
    with tracking.followed(run):
        say(run, 1)
    assert [note.partition(":")[0] for note in notes(run)] == ["TensorBoard does not get this run's curves"]


# --- MLflow ---------------------------------------------------------------------------------------


def test_mlflow_in_a_folder(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(Cancelled), tracking.followed(run):
        stop(run)
    with tracking.followed(run):  # resumed
        say(run, 2)
        run.emit("result", series="transfer", metric="accuracy", value=0.5, low=0.25, high=0.75)
    assert notes(run) == []
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    (kept,) = client.search_runs([experiment.experiment_id])
    assert (kept.info.run_name, kept.info.status) == ("Mugs", "FINISHED")
    assert kept.data.params == {
        "task": "vision.classification",
        "model": "resnet18",
        "strategy": "full",
        "seed": "0",
        "epochs": "2",
    }
    history = client.get_metric_history(kept.info.run_id, "head/train_loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 1.0), (2, 0.5)]
    assert kept.data.metrics["test/transfer/accuracy/value"] == 0.5
    assert run.id not in json.dumps(kept.to_dictionary()["data"])


@pytest.fixture
def broken_server() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("server", ["none", "broken"])
def test_a_server_that_does_not_answer_is_a_note(
    recipe: Recipes, monkeypatch: pytest.MonkeyPatch, server: str, broken_server: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9" if server == "none" else broken_server)
    run = RunFolder.create(recipe())
    assert worker.execute(run) == 0
    (note,) = [note for note in notes(run) if note.startswith("MLflow")]
    assert note.startswith("MLflow does not get this run's curves: API request to http")
    assert len(note) < 240
    assert [event.data.get("state") for event in run.events()][-1] == "done"
