"""A run and its life: what is asked of it, and working through it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines import registry
from engines.api.using import task_of
from engines.contract import Cancelled, Event, InputError, Job, Problem, Recipe, Result, State, Strategy
from engines.jobs import offered, starting, worker
from engines.messages import _
from engines.runs import BASELINE, RunFolder, called
from engines.search.plan import Plan

Listener = Callable[[Event], None]
SAME = ("task", "data", "test", "target", "model", "start", "strategy", "seed", "settings")
"""What of a recipe has to be as it was for a run to be continued."""


class RunFailed(RuntimeError):
    """A run ended without a result, through no fault of the input; its folder has the details."""


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

    Raises InputError with every problem at once, and on a public host for a model that it does not offer.
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
        accepted = _("accepted: {strategies}", strategies=", ".join(found.info.strategies))
        problems.append(
            Problem("strategy", _("{strategy!r} is not offered by {task}", strategy=str(strategy), task=task), accepted)
        )
    if target is not None:
        try:
            found.require_target(strategy)
        except InputError as error:
            problems += error.problems
    for name, path in (("--data", data), ("--test", test), ("--target", target)):
        if path is not None and not path.exists():
            problems.append(Problem(name, _("there is no {path}", path=path), _("accepted: a folder, a zip or a file")))
    if problems:
        raise InputError(*problems)
    start = None
    if model and starting.is_run(model):
        start, model = starting.keep(task, Path(model)), RunFolder(Path(model)).recipe.model
    model = model or found.model_for(data, found.settings.parse(changed))
    offered.require_listed(task, [model])
    card = found.describe(model)
    asked = Recipe(
        task=task,
        data=str(data.absolute()),
        test=str(test.absolute()) if test else None,
        target=str(target.absolute()) if target else None,
        model=card.name,
        strategy=Strategy(strategy),
        seed=seed,
        settings=changed,
        start=None if start is None else str(start),
    )
    offered.require(asked)
    return asked


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
        found = _("it has no baseline that can go on")
        raise InputError(Problem(called(run.path), found, _("accepted: one whose baseline had not stopped improving")))
    known = int(result.baseline_details["scratch"]["epochs"])
    if epochs is not None and epochs <= known:
        raise InputError(
            Problem(
                "--epochs",
                _("found {epochs}", epochs=epochs),
                _("accepted: more than the {known} that it had", known=known),
            )
        )
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


def search(recipe: Recipe, out: str | Path, plan: Plan, *, listeners: Iterable[Listener] = ()) -> dict[str, Any]:
    """The best model, strategy and settings for the recipe's data within the plan's time: search.json of the run folder
    `out`, see `fit`. `recipe` is the default that it is compared with; its settings stay."""
    run = work(Job(recipe, "search", plan.arguments()), out, listeners)
    found = run.search
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
            accepted = _("accepted: an empty folder, or the same recipe again")
            raise InputError(Problem(f"--out {out}", _("another run is in this folder"), accepted))
        if old.arguments != job.arguments:  # a comparison that is to have other seeds reads those that it has
            run.write("job.json", job.to_json())
        run.clear_cancel()
        return run
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(Problem(f"--out {out}", _("it is not empty"), _("accepted: a folder that is new or empty")))
    RunFolder.create(job, out)
    return run


def _but_seeds(job: Job) -> dict[str, Any]:
    return {name: value for name, value in job.arguments.items() if name != "seeds"}
