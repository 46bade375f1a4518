"""What a person has chosen so far: from the address, else from the run that is shown, else the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from engines import registry, weights
from engines.contract import InputError, ModelCard, Recipe, Settings, Strategy, Task
from engines.jobs import starting
from engines.messages import _
from engines.runs import RunFolder
from ui.page import address, uploads


@dataclass(frozen=True)
class Draft:
    """A recipe in the making."""

    task: str
    model: str
    strategy: Strategy
    settings: dict[str, Any]
    """Only what differs from the task's defaults; `blocks` and `baseline` included."""
    data: str | None = None
    """Id of an upload."""
    path: str | None = None
    """Where the data lie; None while there are none."""
    test: str | None = None
    target: str | None = None
    """Id of an upload: data of a new domain, without labels."""
    target_path: str | None = None
    start: RunFolder | None = None
    """A finished run that the model goes on from."""
    start_path: str | None = None
    """What is kept of it, where the run that is shown went on from one."""

    @property
    def blocks(self) -> int:
        default = getattr(registry.task(self.task).settings(), "blocks", 1)
        return int(self.settings.get("blocks", default))

    @property
    def reading(self) -> dict[str, Any]:
        """The settings, as chosen, that say how the data are read."""
        reading = registry.task(self.task).settings.reading()
        return {name: value for name, value in self.settings.items() if name in reading}

    def recipe(self, title: str = "") -> Recipe:
        """Raises InputError when a setting is out of range. It names the run that it goes on from; `visitor.submit`
        keeps a copy of that."""
        settings = dict(self.settings)
        if self.strategy is not Strategy.PARTIAL:
            settings.pop("blocks", None)
        if self.strategy is not Strategy.FEATURES:
            settings.pop("depth", None)
        if self.strategy is Strategy.SCRATCH:
            settings.pop("baseline", None)
        changed = registry.task(self.task).settings.parse(settings).changed()
        if self.path is None:
            raise ValueError(_("a recipe needs data"))
        return Recipe(
            task=self.task,
            data=self.path,
            test=self.test,
            target=None if self.strategy is Strategy.ZERO_SHOT else self.target_path,
            model=self.model,
            strategy=self.strategy,
            settings=changed,
            title=title,
            start=str(self.start.path) if self.start else self.start_path,
        )


def folds(draft: Draft, report: dict[str, Any]) -> int:
    """In how many folds a run on the data of this report is tested; 0: on one part of them, or on data of its own."""
    from engines.training.settings import TrainSettings

    try:
        settings = registry.task(draft.task).settings.parse(draft.settings)
        stages = len(card(draft.task, draft.model).stages)
    except InputError:
        return 0
    if not isinstance(settings, TrainSettings):
        return 0
    return settings.folds_for(draft.strategy, stages, (report.get("details") or {}).get("folds", 0))


def read(task: str, here: address.Address, run: RunFolder | None) -> Draft:
    """The draft at this address. `run`, when given, fills in what the address leaves out.

    Data that are gone are left out; settings that make no sense any more are too. Raises InputError for a run to go on
    from that is gone, or that this task cannot go on from.
    """
    found = registry.task(task)
    draft = Draft(task, _default_model(found), found.info.usual, _with_baseline(found, {}))
    if run is not None:
        recipe = run.recipe
        draft = replace(
            draft,
            model=recipe.model,
            strategy=recipe.strategy,
            path=recipe.data,
            test=recipe.test,
            target=uploads.find(recipe.target) if recipe.target else None,
            target_path=recipe.target,
            settings=_that_make_sense(found, recipe.settings),
            data=uploads.find(recipe.data),
            start_path=recipe.start,
        )
    if here.data and (run is None or uploads.exists(here.data)):
        if here.data != draft.data:
            draft = replace(draft, target=None, target_path=None)
        draft = replace(draft, data=here.data, path=uploads.origin(here.data).path, test=None)
    if here.target and draft.path and found.info.adapts_by is not None and uploads.exists(here.target):
        draft = replace(draft, target=here.target, target_path=uploads.origin(here.target).path)
    if here.model:
        draft = replace(draft, model=here.model, start_path=None)
    if here.start:
        begin = RunFolder.find(here.start)
        starting.require(task, begin)
        draft = replace(draft, model=begin.recipe.model, start=begin)
    if here.strategy in found.info.strategies:
        draft = replace(draft, strategy=here.strategy)
    chosen = dict(here.settings)
    if here.blocks is not None:
        chosen["blocks"] = str(here.blocks)
    draft.settings.update(_that_make_sense(found, chosen))
    if (fitting := _fitting(draft, "models")) and draft.model not in fitting:
        draft = replace(draft, model=fitting[0])
    if draft.strategy not in strategies(draft):
        suited = _fitting(draft, "strategies") or [found.info.usual]
        draft = replace(draft, strategy=Strategy(suited[0]))
    return draft


def _default_model(task: Task) -> str:
    """The task's own; where its weights cannot be had, the first of the catalogue that is on this machine."""
    default, cards = task.info.default_model, task.models()
    if any(card.name == default and weights.where(card) != "unreachable" for card in cards):
        return default
    return next((card.name for card in cards if weights.find(card)), default)


def strategies(draft: Draft) -> tuple[Strategy, ...]:
    """The strategies that the task offers, the draft's data allow and its model can, as far as the catalogue tells."""
    task, allowed = registry.task(draft.task), _fitting(draft, "strategies")
    fitting = tuple(strategy for strategy in task.info.strategies if not allowed or strategy in allowed)
    known = next((card for card in task.models() if card.name == draft.model), None)
    return tuple(strategy for strategy in fitting if known is None or not task.lacks(strategy, known))


def _fitting(draft: Draft, what: str) -> list[str]:
    """The models or strategies that suit the draft's data, the best first; empty where any does, or the data were not
    checked yet."""
    if draft.data is None or not uploads.exists(draft.data):
        return []
    report = uploads.known(draft.task, draft.data, draft.reading) or {}
    return list((report.get("details") or {}).get(what) or ())


def _that_make_sense(task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that this task knows, with a value that it takes."""
    parsed = {}
    for name, value in given.items():
        with suppress(InputError):
            parsed[name] = getattr(task.settings.parse({name: value}), name)
    return parsed


def _with_baseline(task: Task, settings: dict[str, Any]) -> dict[str, Any]:
    """The page compares with training from scratch, where that is the rival, unless somebody says no."""
    wanted = task.info.rival == "scratch" and knows(task.settings, "baseline")
    return {**settings, "baseline": "scratch"} if wanted else settings


def knows(settings: type[Settings], name: str) -> bool:
    return name in settings.__dataclass_fields__


def card(task: str, model: str) -> ModelCard:
    """The card of a model: from the catalogue, or described by the warm server. Raises InputError."""
    known = {c.name: c for c in registry.task(task).models()}
    if model in known:
        return known[model]
    return _described(task, model)


def _described(task: str, model: str) -> ModelCard:
    import streamlit as st

    @st.cache_data(show_spinner=_("Looking at this model …"), max_entries=100)
    def ask(task: str, model: str) -> dict[str, Any]:
        from engines.jobs.serving import client

        return client.ask({"verb": "describe", "task": task, "model": model})

    from engines.contract import Stage

    values = ask(task, model)
    return ModelCard(**{**values, "stages": tuple(Stage(**s) for s in values["stages"])})
