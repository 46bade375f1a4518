"""What a search is asked to do, and what there is to try: models, strategies, and the few settings that matter. Light.

Which settings matter, and between which values, a task's `Settings.searched` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from engines import weights
from engines.contract import InputError, ModelCard, OneOf, Problem, Range, Recipe, Settings, Strategy, Task
from engines.messages import _

FEWEST_SECONDS = 5.0
MOST_TRIALS = 1_000
LEARN_NOTHING = frozenset({Strategy.ZERO_SHOT, Strategy.PROTOTYPES})


class Draws(Protocol):
    """What draws a value: a trial of Optuna."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def suggest_int(self, name: str, low: int, high: int) -> int: ...


@dataclass(frozen=True)
class Plan:
    """The arguments of the verb 'search'."""

    max_seconds: float
    """Of the whole: the trials, and the two trainings of the end."""
    trials: int | None = None
    """The most that are tried; None: as many as there is time for."""
    models: tuple[str, ...] = ()
    """Those that are tried; empty: all of the catalogue that are here."""
    strategies: tuple[str, ...] = ()
    """Those that are tried; empty: all that the task offers, but from scratch."""

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Plan:
        """Of a job. Raises InputError."""
        known = ("max_seconds", "trials", "models", "strategies")
        problems: list[Problem] = []
        if further := sorted(set(arguments) - set(known)):
            found = _("found {further}", further=", ".join(further))
            problems.append(Problem(_("arguments of 'search'"), found, _("accepted: {known}", known=", ".join(known))))
        seconds = _number(arguments.get("max_seconds"))
        if seconds is None or seconds < FEWEST_SECONDS:
            found = _("found {seconds}", seconds=arguments.get("max_seconds"))
            accepted = _("accepted: {fewest:g} seconds or more", fewest=FEWEST_SECONDS)
            problems.append(Problem("--max-seconds", found, accepted))
        trials = arguments.get("trials")
        if trials is not None and (type(trials) is not int or not 2 <= trials <= MOST_TRIALS):
            found = _("found {trials}", trials=trials)
            accepted = _("accepted: 2 (the default and one to compare it with) to {most:,}", most=MOST_TRIALS)
            problems.append(Problem("--trials", found, accepted))
        lists = {name: arguments.get(name) or () for name in ("models", "strategies")}
        for name, values in lists.items():
            if (
                isinstance(values, str)
                or not isinstance(values, Iterable)
                or not all(isinstance(v, str) for v in values)
            ):
                problems.append(
                    Problem(f"--{name}", _("found {values}", values=values), _("accepted: names, comma-separated"))
                )
        if problems or seconds is None:
            raise InputError(*problems)
        return cls(seconds, trials, tuple(dict.fromkeys(lists["models"])), tuple(dict.fromkeys(lists["strategies"])))

    def arguments(self) -> dict[str, Any]:
        """As a job keeps them."""
        return {
            "max_seconds": self.max_seconds,
            "trials": self.trials,
            "models": list(self.models),
            "strategies": list(self.strategies),
        }


def _number(value: object) -> float | None:
    return float(value) if type(value) in {int, float} and math.isfinite(value) else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class Candidate:
    """A model, a strategy, and what of the settings is not as it is by default."""

    model: str
    strategy: Strategy
    settings: Mapping[str, Any]

    def recipe(self, default: Recipe) -> Recipe:
        """The default recipe with these."""
        settings = {**default.settings, **self.settings}
        return replace(default.again(settings, self.strategy), model=self.model)


@dataclass(frozen=True)
class Space:
    """All that may be tried."""

    task: Task
    models: tuple[ModelCard, ...]
    """The default's first."""
    strategies: tuple[Strategy, ...]
    """The default's first."""
    fixed: Mapping[str, Any]
    """Settings that whoever asked has given: they stay."""

    @classmethod
    def of(cls, task: Task, default: Recipe, plan: Plan) -> Space:
        """Raises InputError for a model that is not here, a strategy that is not offered, and where nothing is left
        to try beside the default."""
        info = task.info
        problems = []
        offered = [strategy for strategy in info.strategies if strategy is not Strategy.SCRATCH]
        for name in plan.strategies:
            if name not in info.strategies:
                accepted = _("accepted: {strategies}", strategies=", ".join(info.strategies))
                problems.append(Problem("--strategies", _("{strategy} is not offered here", strategy=name), accepted))
        cards = [task.describe(name) for name in plan.models] or [card for card in task.models() if weights.find(card)]
        here = ", ".join(card.name for card in task.models() if weights.find(card)) or _("none")
        for card in cards:
            if weights.find(card) is None:
                found = _("{model} is not on this machine", model=card.name)
                accepted = _("accepted, as they are here: {here}; `prefetch` brings others", here=here)
                problems.append(Problem("--models", found, accepted))
        own = task.describe(default.model)
        if info.one_model:
            for card in cards:
                if plan.models and card.name != own.name:
                    found = _("{model} cannot be compared with {own}", model=card.name, own=own.name)
                    accepted = _("{why}: accepted is {own} alone", why=info.one_model, own=own.name)
                    problems.append(Problem("--models", found, accepted))
            cards = []
        if problems:
            raise InputError(*problems)
        models = [own, *(card for card in _cheapest_first(cards) if card.name != own.name)]
        wanted = [Strategy(name) for name in plan.strategies] or offered
        strategies = [default.strategy, *(strategy for strategy in wanted if strategy is not default.strategy)]
        space = cls(task, tuple(models), tuple(strategies), default.settings)
        if not any(space.possible(card, strategy) for card in models for strategy in strategies):
            found = _("no strategy that was asked for can be used with these models")
            raise InputError(Problem(info.name, found, _("accepted: other models, or other strategies")))
        if len(space.usual()) == 1 and not space.searched(own, default.strategy):
            found = _("there is nothing to try beside the default, {strategy} on {model}", **_named(default))
            raise InputError(Problem(info.name, found, _("accepted: more models, or more strategies")))
        return space

    def possible(self, card: ModelCard, strategy: Strategy) -> bool:
        return not self.task.lacks(strategy, card)

    def searched(self, card: ModelCard, strategy: Strategy) -> dict[str, Range | OneOf]:
        """The settings that are tried with these, as values of the setting itself."""
        settings: type[Settings] = self.task.settings
        if strategy in LEARN_NOTHING:
            return {}
        found: dict[str, Range | OneOf] = {}
        for name, tried in settings.searched.items():
            if name in settings.hidden or name in self.fixed or (tried.strategies and strategy not in tried.strategies):
                continue
            if isinstance(tried, Range) and name == "blocks":
                tried = replace(tried, high=min(tried.high, len(card.stages)))
            if isinstance(tried, Range) and tried.times_usual:
                usual = settings.by_default(name, strategy)
                if usual is None:
                    continue
                tried = replace(tried, low=tried.low * usual, high=tried.high * usual, times_usual=False)
            if not (isinstance(tried, Range) and tried.low >= tried.high):
                found[name] = tried
        return found

    def usual(self) -> list[Candidate]:
        """With nothing but default settings, the default first: then it by the other strategies, then other models."""
        first, *others = self.models
        own = [Candidate(first.name, way, {}) for way in self.strategies if self.possible(first, way)]
        rest = [
            Candidate(card.name, way, {}) for card in others for way in self.strategies[:1] if self.possible(card, way)
        ]
        return [*own, *rest]

    def as_parameters(self, candidate: Candidate) -> dict[str, Any]:
        """A candidate of `usual` as a trial's parameters: the nearest that a search could draw."""
        card = next(card for card in self.models if card.name == candidate.model)
        found: dict[str, Any] = {"model": candidate.model, "strategy": str(candidate.strategy)}
        for name, tried in self.searched(card, candidate.strategy).items():
            usual, label = self.task.settings.by_default(name, candidate.strategy), parameter(name, candidate.strategy)
            if isinstance(tried, OneOf):
                if usual in tried.values:
                    found[label] = usual
            elif usual is not None:
                near = min(max(usual, tried.low), tried.high)
                found |= {_by_stages(label, tried): int(near)} if name == "blocks" else {label: float(near)}
        return found

    def drawn(self, draws: Draws) -> Candidate | None:
        """What a trial is to try; None where the model cannot be used by the strategy."""
        names = {card.name: card for card in self.models}
        model = draws.suggest_categorical("model", list(names))
        strategy = Strategy(draws.suggest_categorical("strategy", list(map(str, self.strategies))))
        if not self.possible(names[model], strategy):
            return None
        chosen: dict[str, Any] = {}
        for name, tried in self.searched(names[model], strategy).items():
            label = parameter(name, strategy)
            if isinstance(tried, OneOf):
                chosen[name] = draws.suggest_categorical(label, list(tried.values))
            elif name == "blocks":
                chosen[name] = draws.suggest_int(_by_stages(label, tried), int(tried.low), int(tried.high))
            else:
                drawn = draws.suggest_float(label, tried.low, tried.high, log=tried.log)
                chosen[name] = float(f"{drawn:.3g}")
        return Candidate(model, strategy, chosen)


def parameter(name: str, strategy: Strategy) -> str:
    """What a setting is called among the parameters of trials: each strategy has values of its own."""
    return f"{name} ({strategy})"


def _by_stages(label: str, tried: Range) -> str:
    return f"{label} of {tried.high:g}"


def _cheapest_first(cards: Iterable[ModelCard]) -> list[ModelCard]:
    return sorted(cards, key=lambda card: sum(stage.macs for stage in card.stages))


def _named(recipe: Recipe) -> dict[str, str]:
    return {"strategy": str(recipe.strategy), "model": recipe.model}
