"""The verb that looks for the best model, strategy and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines import api
from engines.cli import values
from engines.cli.options import AcceptGuesses, Data, Json, Seed, Set, TaskName, Test
from engines.cli.parser import app
from engines.cli.printing import answer, echo, say
from engines.messages import _
from engines.reporting import wording
from engines.search import board, told
from engines.search.plan import Plan


@app.command()
def search(
    task: TaskName,
    data: Data,
    max_seconds: Annotated[float, typer.Option(help=_("How long it may take, the training at its end included."))],
    out: Annotated[
        Path, typer.Option(help=_("Where the search is written; one that was stopped goes on."), resolve_path=True)
    ],
    test: Test = None,
    trials: Annotated[int | None, typer.Option(help=_("The most that are tried, the default included."))] = None,
    models: Annotated[str, typer.Option(help=_("Models to try, comma-separated; by default all here."))] = "",
    strategies: Annotated[
        str, typer.Option(help=_("Strategies to try, comma-separated; by default all but from scratch."))
    ] = "",
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Look for the best model, strategy and settings within a time: chosen on what is held out, tested once."""
    arguments = {
        "max_seconds": max_seconds,
        "trials": trials,
        "models": values.names(models),
        "strategies": values.names(strategies),
    }
    plan, chosen = Plan.read(arguments), values.settings(settings, accept_guesses)
    recipe = api.recipe(task, data, test=test, seed=seed, settings=chosen)
    found = api.search(recipe, out, plan, listeners=[echo])
    metric = api.task(task).info.metric
    for tried in board.ranked(board.all_of(out).values(), higher_is_better=metric.higher_is_better):
        say(told.line(tried, metric), as_json)
    say("\n".join(filter(None, (found["sentence"], told.dropped(found), told.test_seen(found)))), as_json)
    where = _("The winner is a run of its own: {where}", where=out / "best")
    say(f"{wording.direction(metric).capitalize()}. {where}", as_json)
    answer(found, as_json)
