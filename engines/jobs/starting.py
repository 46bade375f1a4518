"""A finished run as the model of another one."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from engines import paths, registry, starts, weights
from engines.contract import InputError, Problem, Recipe, Strategy
from engines.environment import public
from engines.messages import _
from engines.runs import RunFolder, called, no_model, refusal


def is_run(model: str) -> bool:
    """Whether a model's name is a run folder."""
    return (Path(model) / "recipe.json").is_file()


def require(task: str, run: RunFolder) -> Path:
    """The weight file of a finished run that another one of `task` may go on from.

    Raises InputError where it is a run of another task, has no model, or is of a task that cannot go on from one.
    """
    if public():
        found, accepted = _("this host starts from no other run"), _("on a machine of your own, all can be had")
        raise InputError(Problem(called(run.path), found, accepted))
    if not offered(task):
        found = _("{task} cannot go on from a finished run", task=task)
        raise InputError(Problem(called(run.path), found, _("accepted: a model of the catalogue")))
    if run.recipe.task != task:
        found = _("it is a run of {task}", task=run.recipe.task)
        raise refusal(run.path, found, _("accepted: one of {task}", task=task))
    file = starts.weight_file(run.path)
    if run.result is None or file is None:
        raise no_model(run.path)
    if run.recipe.strategy is Strategy.ZERO_SHOT:
        raise refusal(run.path, _("nothing was learnt in it"), _("accepted: a run that has learnt"))
    return file


def offered(task: str) -> bool:
    """Whether runs of a task can go on from finished ones."""
    return registry.task(task).goes_on


def keep(task: str, folder: Path) -> Path:
    """Keeps what another run needs of a finished one, so that this can be repeated when that was moved or deleted: its
    model, and its recipe without its data. Where it lies, below the home, by the digest of its weights. It goes when
    the last run that began with it is deleted for good. Raises InputError as `require`.
    """
    run = RunFolder(folder.absolute())
    kept = paths.starts() / weights.sha256(require(task, run))[:32]
    if not kept.is_dir():
        with tempfile.TemporaryDirectory(dir=paths.starts(), prefix=".") as place:
            made = Path(place) / "run"
            shutil.copytree(run.path / "model", made / "model")
            (made / "recipe.json").write_text(run.recipe.without_data().to_json(), encoding="utf-8")
            made.rename(kept)
    return kept


def kept(recipe: Recipe) -> Recipe:
    """The recipe with what is kept of the run that it goes on from, where it names the run itself. Raises InputError as
    `require`."""
    if recipe.start is None or Path(recipe.start).parent == paths.starts():
        return recipe
    return replace(recipe, start=str(keep(recipe.task, Path(recipe.start))))
