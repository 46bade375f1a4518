"""Where this browser's runs stand on the map; those recorded with Headstart where it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engines import registry
from engines.contract import InputError, Recipe, Result
from engines.evidence import kind
from engines.reporting import foreseen
from engines.runs import RunFolder
from ui.page import recorded


@dataclass(frozen=True)
class Standing:
    """A finished run and its place."""

    run: str
    title: str
    recipe: Recipe
    result: Result
    placed: kind.Placed


@dataclass(frozen=True)
class Standings:
    """The runs of a map."""

    runs: tuple[Standing, ...]
    recorded: bool
    """Whether these are not the visitor's own."""

    def of(self, name: kind.Kind) -> list[Standing]:
        return [standing for standing in self.runs if standing.placed.kind == name]


def gather(ids: Sequence[str]) -> Standings:
    """The finished ones of these runs, the newest first; where there are none, the recorded ones."""
    own = tuple(_standing(ids))
    return Standings(own, recorded=False) if own else Standings(tuple(_standing(recorded.ids())), recorded=True)


def _standing(ids: Iterable[str]) -> Iterable[Standing]:
    for run_id in ids:
        try:
            run = RunFolder.find(run_id)
            finished = recorded.finished(run)
            if finished is not None:
                yield Standing(run_id, *_placed(run, finished))
        except InputError:  # it is gone, or a newer version wrote it
            continue


def _placed(run: RunFolder, found: recorded.Finished) -> tuple[str, Recipe, Result, kind.Placed]:
    recipe, result = found.recipe, found.result
    task = registry.task(recipe.task)
    card = next((card for card in task.models() if card.name == recipe.model), None)
    placed = kind.of_run(
        recipe,
        result,
        source_labels=task.source_labels(card) if card else None,
        mismatch=foreseen.read(recipe, run.path).get("mismatch"),
        unit=task.info.unit,
    )
    return recipe.title or (card.title if card else recipe.model), recipe, result, placed
