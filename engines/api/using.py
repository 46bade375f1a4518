"""What is done with a run that is finished."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from engines import registry
from engines.contract import InputError, Predictor, Problem, Progress, Task
from engines.messages import _
from engines.runs import RunFolder


def load(run: str | Path) -> Predictor:
    """The model of a finished run, ready to predict. Raises InputError."""
    return task_of(run).load(Path(run))


def predict(run: str | Path, data: str | Path) -> list[dict[str, Any]]:
    """What the model of a finished run answers, a row an example. Raises InputError."""
    return load(run).predict(Path(data))


def predict_into(
    run: str | Path, data: str | Path, out: str | Path, progress: Progress | None = None
) -> dict[str, Any]:
    """The same rows as a table, a CSV file that no spreadsheet computes or Parquet, as the end of `out` says; what
    `reporting.answers` sums up of them. Raises InputError."""
    from engines.reporting import answers

    target = Path(out)
    if target.suffix.lower() not in {".csv", ".parquet"}:
        found = _("its name ends in {suffix!r}", suffix=target.suffix)
        raise InputError(Problem(str(out), found, _("accepted: a name that ends in .csv or .parquet")))
    model = load(run)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".answers-") as place:
        summary = answers.write(Path(place), model.stream(Path(data), progress))
        if target.suffix.lower() == ".csv":
            answers.write_as_csv(Path(place) / answers.TABLE, Path(place) / "answers.csv")
            (Path(place) / "answers.csv").replace(target)
        else:
            (Path(place) / answers.TABLE).replace(target)
    return summary


def explain(
    run: str | Path, data: str | Path, out: str | Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """What the model looked at: see `contract.Task.explain`. Raises InputError."""
    return task_of(run).explain(Path(run), Path(data), Path(out), method=method, example=example)


def layers(run: str | Path, progress: Progress | None = None) -> dict[str, Any]:
    """What fine-tuning changed inside, stage by stage: see `contract.Task.layers`. Raises InputError."""
    return task_of(run).layers(Path(run), progress)


def export(run: str | Path, out: str | Path, format: str | None = None) -> Path:
    """The model to take home, by default in the first format that its task offers. Raises InputError."""
    found = task_of(run)
    return found.export(Path(run), format or found.info.exports[0], Path(out))


def task_of(run: str | Path) -> Task:
    """The task of a run folder. Raises InputError when it is none."""
    found = RunFolder(Path(run))
    if not found.exists:
        raise InputError(Problem(str(run), _("this is no run folder"), _("accepted: a folder that `fit` wrote")))
    return registry.task(found.recipe.task)
