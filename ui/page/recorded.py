"""Runs that were recorded with the project, so that no page is ever empty; and a finished run, read once."""

from __future__ import annotations

import functools
import itertools
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engines import paths, registry
from engines.contract import Event, InputError, Recipe, Result
from engines.runs import ID, RunFolder

POINTS = ("x_before", "y_before", "x_after", "y_after")
"""Where an example lies on a map, where a run drew one."""


@dataclass(frozen=True)
class Finished:
    """Everything a result page reads. Only the comparison with training from scratch may still be missing in it."""

    run: RunFolder
    recipe: Recipe
    result: Result
    epochs: list[dict[str, Any]]
    """The data of each `epoch` event."""
    mistakes: list[dict[str, Any]]
    """The most confident mistakes {file, label, predicted, confidence, thumbnail}, worst first."""
    finished: float
    """Seconds since the epoch."""
    searches: list[dict[str, Any]] = field(default_factory=list)
    """The data of each `search` event: how a learning rate was found."""


def first(task: str) -> str | None:
    """The id of the first recorded run of that task."""
    return next((e["id"] for e in _index() if e["task"] == task and ID.fullmatch(e["id"])), None)


def ids() -> list[str]:
    """The ids of all recorded runs."""
    return [e["id"] for e in _index() if ID.fullmatch(e["id"])]


def is_recorded(run: RunFolder) -> bool:
    return run.path.parent == paths.showcase()


def is_own(run: RunFolder) -> bool:
    """Whether more may be made of it here: it is no recording, and whoever looks has its own link."""
    return not is_recorded(run) and not run.only_shown


def finished(run: RunFolder) -> Finished | None:
    """The outcome of a run whose model is tested, kept in memory; None while it is not. Its comparison may still go on
    (`result.comparison`). A rename is seen at once."""
    try:
        stamp = (run.path / "result.json").stat().st_mtime_ns, (run.path / "recipe.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None
    found = _read(run.path, stamp)
    if run.only_shown:  # what is kept in memory is its owner's
        return replace(found, run=run, recipe=run.recipe, result=replace(found.result, run=run.id))
    return found


@functools.lru_cache(maxsize=64)
def _read(path: Path, stamp: tuple[int, int]) -> Finished:  # noqa: ARG001  (the stamp keeps the memory fresh)
    run = RunFolder(path)
    result = run.result
    assert result is not None
    events = run.events()
    return Finished(
        run=run,
        recipe=run.recipe,
        result=result,
        epochs=[e for e in epochs(events) if result.comparison != "running" or e.get("series") != "scratch"],
        mistakes=_mistakes(path / "predictions.parquet"),
        finished=_tested(events) or (path / "result.json").stat().st_mtime,
        searches=[e.data for e in events if e.kind == "search"],
    )


def _tested(events: list[Event]) -> float | None:
    """When the last test was made; of old runs, which do not say it, when they ended."""
    return next((e.time for e in reversed(events) if e.kind == "result"), events[-1].time if events else None)


def epochs(events: list[Event]) -> list[dict[str, Any]]:
    """The newest word on each epoch of the run and of its baseline: a resumed run says some of them twice.

    Other series are steps on the way (a head that is trained to choose by, say); they are not the run's own curve.
    """
    newest = {
        (e.data.get("series"), e.data["epoch"]): e.data
        for e in events
        if e.kind == "epoch" and e.data.get("series") in {None, "transfer", "scratch"}
    }
    return [newest[key] for key in sorted(newest, key=lambda k: (str(k[0]), k[1]))]


def examples(
    found: Finished,
    *,
    true: str | None = None,
    said: str | None = None,
    right: bool | None = None,
    sure: tuple[float, float] = (0.0, 1.0),
    tested: bool = True,
) -> list[dict[str, Any]]:
    """Test examples {file, label, predicted, confidence, thumbnail}, the surest first; None means any.

    With `tested=False` those that were learnt from, where the run kept what it says of them.
    """
    low, high = sure
    name = "predictions.parquet" if tested else "learnt_from.parquet"
    return [
        row
        for row in _predictions(found.run.path / name, found.finished)
        if (true is None or row["label"] == true)
        and (said is None or row["predicted"] == said)
        and (right is None or (row["label"] == row["predicted"]) == right)
        and low <= row["confidence"] <= high
    ]


def learnt_from(found: Finished) -> list[dict[str, Any]]:
    """What the model says of the examples that it learnt from; empty where the run did not keep it."""
    return examples(found, tested=False)


def _mistakes(path: Path, limit: int = 60) -> list[dict[str, Any]]:
    wrong = (row for row in _read_predictions(path) if row["label"] != row["predicted"])
    return list(itertools.islice(wrong, limit))


@functools.lru_cache(maxsize=8)
def _predictions(path: Path, stamp: float) -> list[dict[str, Any]]:  # noqa: ARG001  (a run trained again is another)
    return _read_predictions(path)


@functools.lru_cache(maxsize=8)
def rows(path: Path, stamp: float) -> list[dict[str, Any]]:  # noqa: ARG001  (a run trained again is another)
    """All that a table of a run holds; nothing where there is none."""
    if not path.is_file():
        return []
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def _read_predictions(path: Path) -> list[dict[str, Any]]:
    """The surest first; empty where the run has none or they are not about classes."""
    if not path.is_file():
        return []
    import pyarrow.parquet as pq

    columns = ["file", "label", "predicted", "confidence", "thumbnail", "text", *POINTS]
    names = set(pq.read_schema(path).names)
    if not {"label", "predicted", "confidence"} <= names:
        return []
    rows: list[dict[str, Any]] = pq.read_table(path, columns=[c for c in columns if c in names]).to_pylist()
    return sorted(rows, key=lambda row: -row["confidence"])


def sample(run_id: str) -> str | None:
    """The name of the sample that a recorded run was trained on."""
    return next((e.get("sample") for e in _index() if e["id"] == run_id), None)


def original(found: Finished, file: str) -> Path | None:
    """A picture that a recording could not carry for its licence, where this machine has the sample itself."""
    if not is_recorded(found.run) or not (name := sample(found.run.id)):
        return None
    folder = _sample_folder(found.recipe.task, name)
    return folder / file if folder and (folder / file).is_file() else None


def small_original(found: Finished, file: str, side: int = 160) -> Path | None:
    """`original`, at most `side` pixels wide and high: made once, beside the samples."""
    if (path := original(found, file)) is None:
        return None
    small = paths.samples() / "small" / found.recipe.task / Path(file).with_suffix(".png")
    if not small.is_file():
        from PIL import Image

        small.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:  # of the sample, which is no stranger's file
            image.thumbnail((side, side))
            image.save(part := small.with_suffix(f".{os.getpid()}.png"))
        part.replace(small)
    return small


@functools.cache
def _sample_folder(task: str, name: str) -> Path | None:
    try:
        return registry.task(task).make_sample(name, paths.samples() / task)
    except InputError:  # what it is made from is not installed
        return None


def _index() -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads((paths.showcase() / "index.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return entries
