"""Between which values a simulator's physics are drawn while a policy is tuned in it."""

from __future__ import annotations

from typing import Any

from engines.control.agents.pretraining import Ranges
from engines.control.simulation.robots import ACTION_GAIN
from engines.control.simulation.target import Target


def ranges_around(target: Target, spread: float) -> Ranges:
    """Each physical value and the motors' strength, `spread` of itself up and down; what is zero, up to that share."""
    found = {}
    for parameter in (*target.robot.physics, ACTION_GAIN):
        value = target.value(parameter.name)
        low, high = value * (1 - spread), value * (1 + spread)
        if value == 0:
            high = spread * parameter.high
        found[parameter.name] = (max(low, parameter.low), min(high, parameter.high))
    return found


def ranges_of(found: dict[str, Any], calibrated: Target) -> Ranges:
    """The interval of each identified value but the delay: the simulator is as uncertain as the logs left it."""
    known = {parameter.name: parameter for parameter in (*calibrated.robot.physics, ACTION_GAIN)}
    return {
        name: (max(low, known[name].low), min(high, known[name].high))
        for name, (_, low, high) in found["values"].items()
        if name in known
    }
