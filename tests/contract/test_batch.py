"""Asking about many examples: a job of its own says the same as predict, row by row."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines import api, paths
from engines.contract import InputError, Job, State
from engines.jobs import worker
from engines.reporting import answers
from engines.runs import RunFolder
from tests.contract.conftest import RUN, Subject

FEW = ("text.sentiment", "forecasting.forecast", "example.shapes")
"""Tasks on which that is tried which is the same for all."""


@pytest.fixture
def asked(features: RunFolder, subject: Subject) -> RunFolder:
    """A finished run at its address, and a job that asks its model about the new data."""
    shutil.copytree(features.path, paths.runs() / RUN)
    recipe = replace(features.recipe, data=str(subject.new), title="mine")
    return RunFolder.create(Job(recipe, "predict", {"run": RUN}))


def test_a_job_answers_as_predict_does_and_tells_how_far_it_is(asked: RunFolder, subject: Subject) -> None:
    assert worker.execute(asked) == worker.DONE, asked.state
    assert asked.done
    expected = [answers.flat(row) for row in subject.task.load(paths.runs() / RUN).predict(subject.new)]
    given = pq.read_table(asked.path / answers.TABLE).to_pylist()
    assert [{k: v for k, v in row.items() if v is not None} for row in given] == [
        {k: v for k, v in row.items() if v is not None} for row in expected
    ]
    told = answers.summary(asked.path)
    assert told is not None
    assert [row["file"] for row in told["first_bad"]] == [subject.bad_file]
    progress = [event.data for event in asked.events() if event.kind == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] > 0
    assert {"rate", "seconds_left", "unit"} <= progress[-1].keys()


@pytest.mark.tasks(*FEW)
def test_a_table_on_the_command_line_has_the_same_rows(features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    told = api.predict_into(features.path, subject.new, tmp_path / "made" / "out.csv")
    api.predict_into(features.path, subject.new, tmp_path / "made" / "out.parquet")
    table = pq.read_table(tmp_path / "made" / "out.parquet")
    assert table.num_rows == told["n"] == len(subject.task.load(features.path).predict(subject.new))
    with (tmp_path / "made" / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert (head, len(rows)) == (table.column_names, table.num_rows)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["out.csv", "out.parquet"]
    with pytest.raises(InputError, match=r"accepted: a name that ends in \.csv or \.parquet"):
        api.predict_into(features.path, subject.new, tmp_path / "out.txt")


@pytest.mark.tasks(*FEW)
def test_one_that_is_cancelled_keeps_what_has_come(asked: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    emit = RunFolder.emit

    def cancel_at_the_first_answers(self: RunFolder, kind: str, **data: object) -> None:
        emit(self, kind, **data)  # type: ignore[arg-type]
        if data.get("name") == "predicting":
            self.request_cancel()

    monkeypatch.setattr(RunFolder, "emit", cancel_at_the_first_answers)
    status = worker.execute(asked)
    if asked.state[0] is State.DONE:
        pytest.skip("it answers all of so little at once")
    assert (status, asked.state[0]) == (worker.CANCELLED, State.CANCELLED)
    told = answers.summary(asked.path)
    assert told is not None
    assert not told["complete"]
    assert not asked.done
    assert pq.read_table(asked.path / answers.TABLE).num_rows == told["n"]


@pytest.mark.tasks(*FEW)
def test_a_model_or_data_that_are_gone_are_told(asked: RunFolder) -> None:
    gone = RunFolder.create(Job(replace(asked.recipe, data="/nowhere/data.zip"), "predict", {"run": RUN}))
    assert worker.execute(gone) == worker.WRONG_INPUT
    assert gone.state[1] == "your data: they are gone; bring them again."
    shutil.rmtree(paths.runs() / RUN)
    assert worker.execute(asked) == worker.WRONG_INPUT
    assert asked.state[1].startswith("run: there is no run at this address")
