"""The verbs as functions: what the command line, the pages' server and notebooks call.

from engines import api
result = api.fit(api.recipe("vision.classification", "photographs.zip"), "run")
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engines import registry, weights
from engines.contract import (
    Cancelled,
    DataReport,
    Event,
    InputError,
    Job,
    ModelCard,
    Predictor,
    Problem,
    Progress,
    Recipe,
    Result,
    Sample,
    State,
    Strategy,
    Task,
)
from engines.jobs import worker
from engines.runs import BASELINE, RunFolder

Listener = Callable[[Event], None]
SAME = ("task", "data", "test", "target", "model", "strategy", "seed", "settings")
"""What of a recipe has to be as it was for a run to be continued."""


class RunFailed(RuntimeError):
    """A run ended without a result, through no fault of the input; its folder has the details."""


# --- what there is --------------------------------------------------------------------------------


def tasks(domain: str | None = None) -> list[str]:
    """The names of the tasks, of one domain or all. Raises InputError for an unknown domain."""
    return registry.names(domain)


def models(domain: str | None = None) -> list[tuple[str, ModelCard]]:
    """(task, model) of the whole catalogue. Raises InputError for an unknown domain."""
    return [(name, card) for name in registry.names(domain) for card in registry.task(name).models()]


def samples(domain: str | None = None) -> list[tuple[str, Sample]]:
    """(task, sample) of all sample data. Raises InputError for an unknown domain."""
    return [(name, sample) for name in registry.names(domain) for sample in registry.task(name).samples()]


def task(name: str) -> Task:
    """The task of that name. Raises InputError for an unknown one."""
    return registry.task(name)


def make_sample(task: str, name: str, out: Path) -> Path:
    """Writes a sample below `out` and returns its path. Raises InputError."""
    return registry.task(task).make_sample(name, out)


def prefetch(domain: str | None, into: Path) -> tuple[list[Path], list[Any]]:
    """Copies the catalogue's weights; returns what was copied, and what was not and why."""
    return weights.prefetch([card for _, card in models(domain)], into)


# --- before a run ---------------------------------------------------------------------------------


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


def recipe(
    task: str,
    data: str | Path,
    *,
    test: str | Path | None = None,
    target: str | Path | None = None,
    model: str | None = None,
    strategy: str | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Recipe:
    """A recipe whose names and settings are known to be right; what is not given follows the task.

    Raises InputError with every problem at once.
    """
    found, data, test = registry.task(task), Path(data), None if test is None else Path(test)
    target = None if target is None else Path(target)
    strategy = strategy or found.info.usual
    problems: list[Problem] = []
    changed: dict[str, Any] = {}
    try:
        changed = found.settings.parse(settings or {}).changed()
    except InputError as error:
        problems += error.problems
    if strategy not in found.info.strategies:
        accepted = f"accepted: {', '.join(found.info.strategies)}"
        problems.append(Problem("strategy", f"{str(strategy)!r} is not offered by {task}", accepted))
    if target is not None:
        try:
            found.require_target(strategy)
        except InputError as error:
            problems += error.problems
    for name, path in (("--data", data), ("--test", test), ("--target", target)):
        if path is not None and not path.exists():
            problems.append(Problem(name, f"there is no {path}", "accepted: a folder, a zip or a file"))
    if problems:
        raise InputError(*problems)
    card = found.describe(model or found.model_for(data, found.settings.parse(changed)))
    return Recipe(
        task=task,
        data=str(data.absolute()),
        test=str(test.absolute()) if test else None,
        target=str(target.absolute()) if target else None,
        model=card.name,
        strategy=Strategy(strategy),
        seed=seed,
        settings=changed,
    )


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
        raise InputError(Problem("--data", f"there is no {where}", "accepted: a folder, a zip or a file"))
    found = registry.task(task)
    return look_through(found, where, Path(out), k=clusters, seed=seed, settings=settings, progress=progress)


# --- runs -----------------------------------------------------------------------------------------


def fit(recipe: Recipe, out: str | Path, *, listeners: Iterable[Listener] = ()) -> Result:
    """Fine-tunes a model in the run folder `out` and tests it; a run that was interrupted there is continued.

    `listeners` are told every event as it happens. Raises InputError, Cancelled and RunFailed.
    """
    run = work(Job(recipe), out, listeners)
    result = run.result
    assert result is not None
    return result


def longer(run: str | Path, epochs: int | None = None, *, listeners: Iterable[Listener] = ()) -> Result:
    """Trains the baseline of a finished run on, to `epochs` passes in all, by default to twice as many as it had, and
    tells the verdict anew. Raises InputError where it cannot go on, Cancelled and RunFailed."""
    found = RunFolder(Path(run), listeners)
    task_of(run)
    found.give(longer_job(found, epochs))
    found.clear_cancel()
    result = _worked(found).result
    assert result is not None
    return result


def longer_job(run: RunFolder, epochs: int | None = None) -> Job:
    """What asks for that. Raises InputError where its baseline cannot go on."""
    result = run.result
    if result is None or not (run.path / BASELINE).is_dir():
        found = "it has no baseline that can go on"
        raise InputError(Problem(f"run {run.id}", found, "accepted: one whose baseline had not stopped improving"))
    known = int(result.baseline_details["scratch"]["epochs"])
    if epochs is not None and epochs <= known:
        raise InputError(Problem("--epochs", f"found {epochs}", f"accepted: more than the {known} that it had"))
    settings = run.recipe.settings | {"baseline_epochs": epochs or 2 * known}
    return Job(replace(run.recipe, settings=settings), "longer")


def compare(
    recipe: Recipe, out: str | Path, budgets: Iterable[int], seeds: int = 3, *, listeners: Iterable[Listener] = ()
) -> dict[str, Any]:
    """Whether transfer pays as a learner is given more: comparison.json of the run folder `out`, see `fit`."""
    arguments = {"budgets": list(budgets), "seeds": seeds}
    run = work(Job(recipe, "compare", arguments), out, listeners)
    found = run.comparison
    assert found is not None
    return found


def sweep(
    recipe: Recipe, out: str | Path, seeds: int = 3, blocks: Iterable[int] = (), *, listeners: Iterable[Listener] = ()
) -> dict[str, Any]:
    """How a classifier's score follows the number of blocks that learn: sweep.json of the run folder `out`, see `fit`.

    0 and `blocks` are tried, or every number; on the examples that are held out to choose by."""
    run = work(Job(recipe, "sweep", {"seeds": seeds, "blocks": list(blocks)}), out, listeners)
    found = run.sweep
    assert found is not None
    return found


def work(job: Job, out: str | Path, listeners: Iterable[Listener] = ()) -> RunFolder:
    """Works through a job in this process, in the folder `out`. Raises InputError, Cancelled and RunFailed."""
    return _worked(folder(Path(out), job, listeners))


def _worked(run: RunFolder) -> RunFolder:
    status = worker.execute(run)
    state, message = run.state
    if state is State.CANCELLED:
        raise Cancelled(message)
    if status == worker.WRONG_INPUT:
        raise InputError.told(message)
    if status != worker.DONE:
        raise RunFailed(message)
    return run


def folder(out: Path, job: Job, listeners: Iterable[Listener] = ()) -> RunFolder:
    """A fresh run folder, or that of the same recipe, to be continued. Raises InputError when it holds another run."""
    run = RunFolder(out, listeners)
    if run.exists:
        old = run.job
        same = all(getattr(old.recipe, key) == getattr(job.recipe, key) for key in SAME)
        if not same or old.verb != job.verb or _but_seeds(old) != _but_seeds(job):
            accepted = "accepted: an empty folder, or the same recipe again"
            raise InputError(Problem(f"--out {out}", "another run is in this folder", accepted))
        if old.arguments != job.arguments:  # a comparison that is to have other seeds reads those that it has
            run.write("job.json", job.to_json())
        run.clear_cancel()
        return run
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(Problem(f"--out {out}", "it is not empty", "accepted: a folder that is new or empty"))
    RunFolder.create(job, out)
    return run


def _but_seeds(job: Job) -> dict[str, Any]:
    return {name: value for name, value in job.arguments.items() if name != "seeds"}


# --- after a run ----------------------------------------------------------------------------------


def load(run: str | Path) -> Predictor:
    """The model of a finished run, ready to predict. Raises InputError."""
    return task_of(run).load(Path(run))


def predict(run: str | Path, data: str | Path) -> list[dict[str, Any]]:
    """What the model of a finished run answers, a row an example. Raises InputError."""
    return load(run).predict(Path(data))


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
        raise InputError(Problem(str(run), "this is no run folder", "accepted: a folder that `fit` wrote"))
    return registry.task(found.recipe.task)
