"""What a run that goes on from a finished one begins with: `Recipe.start`."""

from __future__ import annotations

from pathlib import Path

from engines import weights
from engines.contract import InputError, Problem, Recipe
from engines.messages import _
from engines.runs import RunFolder


def folder(recipe: Recipe) -> Path | None:
    """The folder, with `model` in it, of the run that the recipe goes on from; None where it begins with the model as
    it comes. Raises InputError where that run is not here."""
    if recipe.start is None:
        return None
    run = RunFolder(Path(recipe.start))
    if not recipe.start or not run.exists or weight_file(run.path) is None:
        found, accepted = _("it is not on this machine any more"), _("accepted: a run folder as the model")
        raise InputError(Problem(_("the run to start from"), found, accepted))
    return run.path


def weight_file(run: Path) -> Path | None:
    """Of a finished run, the file of what learnt; None where it has none."""
    return next(iter(sorted((run / "model").glob("*.safetensors"))), None)


def filed_under(name: str, start: Path | None) -> str:
    """What is computed with a model's weights is filed under their `name`, and under those that a run has put in their
    place."""
    path = None if start is None else weight_file(start)
    return name if path is None else f"{name} {weights.sha256(path)}"


def other_network() -> InputError:
    """The run has weights that do not fit."""
    found, accepted = _("its network is another one"), _("accepted: the same model and the same depth as that run's")
    return InputError(Problem(_("the run to start from"), found, accepted))


def told() -> str:
    """What is good to know of such a run."""
    return _("It goes on from a finished run: it begins with the weights that were learnt there.")
