"""What a run will do and how long it takes, said before it starts; and why it cannot start."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines import registry, weights
from engines.contract import InputError, Progress, Strategy
from engines.cost import rates, timed_steps
from engines.cost.forecast import Forecast, forecast, kind, works
from engines.cost.work import Sizes
from engines.environment import public
from engines.messages import _
from ui.page import words
from ui.page.draft import Draft, card, folds

TIMING_SECONDS = 5.0
"""That the timing of some steps takes, about."""


@dataclass(frozen=True)
class Expected:
    """How long a run takes on this machine."""

    forecast: Forecast
    device: str


@functools.lru_cache(maxsize=1)
def _machine(_learnt: int) -> dict[str, Any]:
    """Asked anew once runs have finished since (`_learnt`): they may disagree with what was measured."""
    from engines.jobs.serving import client

    return client.ask({"verb": "machine"})


def expected(draft: Draft, report: dict[str, Any]) -> Expected | None:
    """How long the draft takes on the data of this report; None where nothing can say it.

    Raises InputError and ServerFailed.
    """
    task, model = registry.task(draft.task), card(draft.task, draft.model)
    settings = task.settings.parse(draft.settings)
    machine, runs = _machine(rates.version()), rates.read()
    of = kind(task, model, draft.strategy, settings, machine["device_name"])
    sizes = Sizes.of(report, folds(draft, report))
    todo = works(task, model, draft.strategy, settings, sizes)
    timed = timed_steps.read().get(timed_steps.key(of, settings, sizes))
    found = forecast(todo, of, runs, machine, getattr(settings, "max_seconds", None), timed)
    return None if found is None else Expected(found, machine["device_name"])


def known(task: str, model: str, strategy: Strategy, settings: Mapping[str, Any], sizes: Sizes) -> Forecast | None:
    """How long any run of that many examples takes here; None where nothing can say it. Raises InputError and
    ServerFailed."""
    found, own = registry.task(task), card(task, model)
    chosen, machine = found.settings.parse(dict(settings)), _machine(rates.version())
    of = kind(found, own, strategy, chosen, machine["device_name"])
    return forecast(works(found, own, strategy, chosen, sizes), of, rates.read(), machine)


def untimed(time: Expected | None) -> bool:
    """Whether some real steps would tell more: no run of this model and strategy has finished here."""
    return time is not None and not time.forecast.timed and time.forecast.alike != "model"


def time_steps(draft: Draft, report: dict[str, Any], progress: Progress) -> None:
    """Has the warm server time some real steps of the draft; `expected` knows of them from then on. Raises InputError
    and ServerFailed."""
    from engines.jobs.serving import client

    recipe = draft.recipe("")
    asked = {name: getattr(recipe, name) for name in ("task", "data", "test", "model", "seed", "settings")}
    needed = {name: report.get(name) for name in ("n_examples", "splits", "details")}
    client.ask({"verb": "steps", **asked, "strategy": str(recipe.strategy), "report": needed}, progress)


def sentence(draft: Draft, time: Expected | None = None) -> str:
    """'Head only on EfficientNet-Lite0, about 15 s, then about 4 min for the comparison'"""
    info, depth = registry.task(draft.task).info, draft.settings.get("depth")
    said = _(
        "{strategy} on {model}", strategy=words.strategy(info, draft.strategy, draft.blocks, depth), model=_model(draft)
    )
    if time is None:
        return said
    own, more = time.forecast.own, time.forecast.comparison
    said += _(", about {duration}", duration=words.duration(own))
    return (
        _("{said}, then about {duration} for the comparison", said=said, duration=words.duration(more))
        if more
        else said
    )


def _model(draft: Draft) -> str:
    try:
        return card(draft.task, draft.model).title
    except InputError:
        return draft.model


def hindrance(draft: Draft) -> str:
    """Why a run with these choices cannot start on this machine and what would make it work, in words; else ''."""
    info = registry.task(draft.task).info
    try:
        model = card(draft.task, draft.model)
    except InputError as error:
        return words.plain(str(error))
    if draft.strategy is Strategy.SCRATCH and info.builds_without_files:
        return ""
    if weights.where(model) != "unreachable":
        return ""
    here = [other.title for other in registry.task(draft.task).models() if weights.find(other)]
    return _("{plain} cannot run here: {lacking}", plain=words.plain(model.title), lacking=lacking(draft.task)) + (
        _(" Or choose {plain}, which is here.", plain=words.plain(here[0])) if here else ""
    )


def lacking(task: str, models: int = 1) -> str:
    """What is said of so many models whose weights cannot be had, and what brings them."""
    if public():
        return _("this host offers only models that lie on it, and fetches none. On your own machine all can run.")
    whose, domain = _("its") if models == 1 else _("their"), task.split(".")[0]
    return _(
        "{whose} weights are not on this machine, and the hub cannot be reached. Connect "
        "this machine to the network; or run `headstart prefetch {domain} --dest FOLDER` "
        "where there is one, and set HEADSTART_MODELS to FOLDER.",
        whose=whose,
        domain=domain,
    )
