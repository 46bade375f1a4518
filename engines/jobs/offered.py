"""Which models a public host offers: those of the catalogue whose weights lie on it. It asks no hub about any other."""

from __future__ import annotations

from collections.abc import Iterable

from engines import registry, weights
from engines.contract import InputError, ModelCard, Problem, Recipe, Strategy
from engines.environment import public
from engines.messages import _


def require(recipe: Recipe) -> None:
    """Raises InputError where a public host does not offer the recipe's model. At home every name is welcome."""
    if not public():
        return
    require_listed(recipe.task, [recipe.model])
    task = registry.task(recipe.task)
    card = next(card for card in task.models() if card.name == recipe.model)
    if recipe.strategy is Strategy.SCRATCH and task.info.builds_without_files:
        return
    if weights.find(card) is None:
        raise weights.WeightsUnavailable(_problem(recipe.model, _("its weights are not on this host"), task.models()))


def require_listed(task: str, models: Iterable[str]) -> None:
    """Raises InputError where a public host is asked about a model that is not in its catalogue: nobody looks it up."""
    if not public():
        return
    cards = registry.task(task).models()
    for name in models:
        if name not in {card.name for card in cards}:
            raise InputError(_problem(name, _("this host looks up no other models than those it shows"), cards))


def _problem(name: str, found: str, cards: Iterable[ModelCard]) -> Problem:
    here = [card.name for card in cards if weights.find(card)]
    accepted = _("accepted: {here}", here=", ".join(here)) if here else _("on a machine of your own, all can be had")
    return Problem(_("model {name}", name=name), found, accepted)
