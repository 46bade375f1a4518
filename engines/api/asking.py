"""What is asked before a run: what is in the data, which model fits them, what a run would take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engines import registry
from engines.api.running import folder, recipe
from engines.contract import DataReport, InputError, Job, Problem, Progress, Recipe
from engines.messages import _


def check(
    task: str,
    data: str | Path,
    *,
    test: str | Path | None = None,
    model: str | None = None,
    strategy: str | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    gallery: Path | None = None,
    progress: Progress | None = None,
) -> DataReport:
    """What is in the data, and what is wrong with them. With a model or a strategy, also what is wrong with a run of
    these on them: what `fit` would refuse. Raises InputError where nothing could be trained."""
    found = registry.task(task)
    chosen = found.settings.parse(settings or {})
    own = None if test is None else Path(test)
    if model or strategy:
        wanted = recipe(task, data, test=test, model=model, strategy=strategy, seed=seed, settings=settings)
        rehearse(wanted, progress)
    return found.check(Path(data), test=own, seed=seed, settings=chosen, gallery=gallery, progress=progress)


def rehearse(recipe: Recipe, progress: Progress | None = None) -> None:
    """Raises InputError for what a run of this recipe would refuse at once, and what `progress` raises."""
    from engines import lifecycle
    from engines.evidence import ranking

    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        lifecycle.rehearse(registry.task(recipe.task), recipe, ranking.Aside(Path(folder), progress, phase=None))


def check_target(
    task: str,
    data: str | Path,
    target: str | Path,
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What is in data of a new domain, `target`, for a model that learns from `data`: see `Task.check_target`. Raises
    InputError where nothing could be adapted to it."""
    found = registry.task(task)
    found.require_target(found.info.usual)
    chosen = found.settings.parse(settings or {})
    return found.check_target(Path(data), Path(target), seed=seed, settings=chosen, progress=progress)


def rank(
    task: str,
    data: str | Path,
    *,
    test: str | Path | None = None,
    models: Iterable[str] = (),
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Which model, and which depth of it, fits the data, before anything is trained: see `contract.Task.rank`; and
    `said`, what it comes to in sentences. Raises InputError, and what `progress` raises."""
    from engines.evidence import ranking

    began, named = time.monotonic(), list(models)
    chosen = recipe(task, data, test=test, model=named[0] if named else None, seed=seed, settings=settings)
    with tempfile.TemporaryDirectory(prefix="rank-") as folder:
        found = registry.task(task).rank(chosen, ranking.Aside(Path(folder), progress), named)
    for row in found["models"]:
        row["title"] = registry.task(task).describe(row["name"]).title
    found = {"task": task, **found, "seed": seed, "seconds": time.monotonic() - began}
    return found | {"said": ranking.sentences(found)}


def time_steps(
    recipe: Recipe, report: Mapping[str, Any] | None = None, *, progress: Progress | None = None
) -> Mapping[str, float]:
    """Some real steps of a run, timed before it starts: see `cost.timing.time_steps`. The next forecast of its time
    rests on them. `report` is what `check` says of the data, as a dict; without one it is asked. Raises InputError, and
    what `progress` raises."""
    from engines.cost import timing

    found = registry.task(recipe.task)
    if report is None:
        asked = {"test": recipe.test, "seed": recipe.seed, "settings": recipe.settings}
        report = asdict(check(recipe.task, recipe.data, **asked))  # type: ignore[arg-type]
    return timing.time_steps(found, recipe, report, progress)


def foretell(recipe: Recipe, out: str | Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """What may be expected of a run, asked before it is: the answer of `rank` about its model alone. What it foretells
    is left in the run folder `out` as forecast.json, as the pages do, so that the run is graded by it; and some steps
    are timed, so that its cost is. Where nothing can be foretold `forecast` is None and `said` says why. Raises
    InputError where the data are wrong or the folder holds another run, and what `progress` raises."""
    from engines.evidence import graded
    from engines.jobs.serving import machine

    found, run = registry.task(recipe.task), folder(Path(out), Job(recipe))
    reading = {name: value for name, value in recipe.settings.items() if name in found.settings.reading()}
    machine.measure()
    time_steps(recipe, progress=progress)
    try:
        asked = {"models": [recipe.model], "seed": recipe.seed, "settings": reading, "progress": progress}
        answer = rank(recipe.task, recipe.data, test=recipe.test, **asked)  # type: ignore[arg-type]
    except InputError as error:
        return {"forecast": None, "said": [str(error)]}
    forecast = graded.of_draft(answer, recipe.model, int(recipe.settings.get("depth", 0)))
    if forecast:
        graded.keep(run, forecast)
    return {**answer, "forecast": forecast}


def explore(
    task: str,
    data: str | Path,
    out: str | Path,
    *,
    clusters: int | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Looks through data that nobody has labelled: see `unlabelled.explore`. Raises InputError, and what `progress`
    raises."""
    from engines.unlabelled.explore import explore as look_through

    where = Path(data)
    if not where.exists():
        raise InputError(
            Problem("--data", _("there is no {where}", where=where), _("accepted: a folder, a zip or a file"))
        )
    found = registry.task(registry.task(task).info.explored_as or task)
    return look_through(found, where, Path(out), k=clusters, seed=seed, settings=settings, progress=progress)
