"""What a run of control has to do: steps played and simulated, and updates of small networks. Light: pages call it."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.control.policy.settings import ControlSettings
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.simulation.robots import find
from engines.cost.work import Sizes, Work

UPDATES = {IDENTIFIED: 0.5, RANDOMISED: 0.5, Strategy.FEATURES: 2.0, Strategy.FULL: 2.0, Strategy.SCRATCH: 1.0}
"""For each step that is learnt from, about (`adaptation.training`)."""
LOOKS, LOOK_STEPS = 9, 6_400
"""In a leg that learns in a simulator: how often a policy is compared there, and the steps of a comparison."""
WATCHED = 2_000
"""Steps of the robot that are played after each leg, for the curve."""
FILMS = 3


def work(card: ModelCard, strategy: Strategy, settings: ControlSettings, sizes: Sizes) -> list[Work]:
    """`sizes.details['robot']` is the robot's name; 'kind' is 'logs' where only logs of it are there."""
    robot = find(sizes.details.get("robot") or card.name.partition("-")[0])
    logs = sizes.details.get("kind") == "logs"
    real = settings.real_steps_for(robot.name, strategy)
    judged = Work("testing", settings.repeats * settings.episodes * robot.steps, "steps played")
    found = [Work("start", 1, "starts"), judged]
    if logs:
        found.append(Work("start", 1, "simulators fitted"))
    if strategy is not Strategy.ZERO_SHOT:
        found += [judged, *_learning(strategy, settings, robot.name, 0 if logs else real)]
    if settings.pictures:
        found.append(Work("keeping", FILMS, "films"))
    if settings.baseline == "scratch" and strategy is not Strategy.SCRATCH and not logs:
        steps = real * (1 + (settings.scratch_times if settings.scratch_times > 1 else 0))
        alone = _learning(Strategy.SCRATCH, replace(settings, updates=None, epochs=None), robot.name, steps)
        found += [replace(one, phase="baseline") for one in (*alone, judged)]
    return found


def _learning(strategy: Strategy, settings: ControlSettings, robot: str, real: int) -> list[Work]:
    """What all repeats do to learn, from so many real steps each."""
    legs = settings.epochs_for(strategy)
    simulated = settings.sim_steps_for(robot) if strategy in {IDENTIFIED, RANDOMISED} else 0
    learnt_from = simulated or real
    amounts = {
        "steps simulated": simulated + (0 if strategy is RANDOMISED else real),
        "updates": learnt_from * (settings.updates or UPDATES[strategy]),
        "steps played": legs * (WATCHED + (LOOKS * LOOK_STEPS if simulated else 0)),
        "simulators fitted": legs if strategy is IDENTIFIED and real else 0,
    }
    return [Work("training", settings.repeats * amount, unit) for unit, amount in amounts.items() if amount]
