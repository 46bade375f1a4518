"""Which source policy already does best on the robot: its return there, before anything is learnt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engines.contract import InputError, ModelCard, Problem, Recipe, Run, Scores, Task
from engines.control import catalogue
from engines.control.agents.sb3_training import one_thread
from engines.control.policy.fit import PolicyStudy
from engines.control.policy.training import train
from engines.control.simulation.target import Target
from engines.evidence import mismatch, ranking
from engines.messages import _
from engines.training.devices import derived_seed

EPISODES = 10


@one_thread()
def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`. Policies of this robot alone, all in the same worlds, which are not those of the test.

    Raises InputError where only logs are known of the robot: there it cannot be driven.
    """
    study = task.open(recipe, run)
    assert isinstance(study, PolicyStudy)
    target = study.brought.target
    if study.spec.logs is not None:
        what = _("there are only logs of the robot: no policy can be tried on it")
        raise InputError(Problem("data", what, _("accepted here: a target description")))
    cards = ranking.here(task, models or catalogue.suggested(target.robot.name))

    def measure(card: ModelCard, own: PolicyStudy) -> tuple[Scores, dict[str, Any]]:  # noqa: ARG001  (others need it)
        settings, seed = replace(own.settings, episodes=EPISODES), derived_seed("rank", recipe.seed) % 2**31
        spec = replace(own.spec, repeats=(0,), seed=seed, settings=settings)
        returns = train.returns(train.judge(spec, [spec.source_policy()], "trying"))
        return returns, {"n": EPISODES, "unit": "episodes"}

    apart = None if target.mjcf is not None else distance(target)
    placed = mismatch.placed(apart, "physics", "robots", source=_("its simulator"), yours=_("the robot is"))
    return ranking.as_they_came(task, recipe, cards, run, measure) | {"mismatch": placed}


def distance(target: Target) -> float:
    """How far the robot is from its simulator: the sum over its physical values and the motors' strength of the
    absolute logarithm of the ratio. What has no ratio does not count: delay, noise, and what the simulator has none of,
    such as wind."""
    nominal = {name: target.robot.parameter(name).nominal for name in target.physics}
    ratios = [value / nominal[name] for name, value in target.physics.items() if nominal[name]]
    return sum(abs(math.log(ratio)) for ratio in [*ratios, target.action_gain] if ratio > 0)
