"""How the return depends on two of the robot's physical values: where a policy works, and where it stops working."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.contract import Progress
from engines.control.agents.numpy_policy import Policy
from engines.control.simulation import environment
from engines.control.simulation.robots import Parameter
from engines.control.simulation.target import Target

MOST_STEPS = 60_000
"""Of all cells together, about."""
MOST_EPISODES = 10
CELLS = {True: 7, False: 5}
"""A side, for robots of short episodes and others."""
SHORT = 300  # steps
MARGIN = 1.3
"""How far the axes go beyond simulator and robot, as a factor."""
SPAN = 1.5
"""How far an axis goes where the two do not differ."""


def table(
    policy: Policy, target: Target, *, seed: int, before: Policy | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """The mean return on a grid of two physical values, the others as on the target; the worlds of a cell have the same
    seeds as those of any other.

    'x', 'y': parameters' names, 'x_title', 'y_title', 'xs', 'ys': values, 'z': return by row of y, 'z_before': of the
    policy `before`, 'target', 'source': [x, y] of the robot and of the simulator, 'episodes': of each cell.
    """
    across, up = axes(target)
    side = CELLS[target.robot.steps <= SHORT]
    xs, ys = values(across, target, side), values(up, target, side)
    episodes = int(np.clip(MOST_STEPS // (side * side * target.robot.steps), 2, MOST_EPISODES))
    policies = [policy] if before is None else [policy, before]
    found = np.zeros((len(policies), len(ys), len(xs)))
    cells = [(row, column) for row in range(len(ys)) for column in range(len(xs))]
    for done, (row, column) in enumerate(cells, start=1):
        there = target.changed(**{across.name: xs[column], up.name: ys[row]})
        for number, contender in enumerate(policies):
            found[number, row, column] = environment.play(contender, there, episodes, seed).mean
        if progress:
            progress(done, len(cells))
    answer = {
        "x": across.name,
        "y": up.name,
        "x_title": _title(across),
        "y_title": _title(up),
        "xs": xs,
        "ys": ys,
        "z": found[0].tolist(),
        "episodes": episodes,
        "target": [target.value(across.name), target.value(up.name)],
        "source": [across.nominal, up.nominal],
    }
    return answer if before is None else answer | {"z_before": found[1].tolist()}


def axes(target: Target) -> tuple[Parameter, Parameter]:
    """The first two physical values that differ from the simulator's, or else the robot's first ones."""
    different = {parameter.name for parameter, _ in target.differences()}
    ordered = sorted(target.robot.physics, key=lambda parameter: parameter.name not in different)
    return ordered[0], ordered[1]


def values(parameter: Parameter, target: Target, count: int) -> list[float]:
    """`count` values, in even steps or, where twice and half are equally far, in even ratios, to three digits; the
    simulator's and the robot's lie between them."""
    ends = sorted((parameter.nominal, target.value(parameter.name)))
    low, high = float(ends[0]), float(ends[1])
    if parameter.proportional:
        reach = MARGIN if high > low else SPAN
        grid = np.geomspace(max(parameter.low, low / reach), min(parameter.high, high * reach), count)
    else:
        farthest = high * SPAN if high > parameter.low else parameter.low + (parameter.high - parameter.low) / 2
        grid = np.linspace(parameter.low, min(parameter.high, farthest), count)
    return [float(f"{value:.3g}") for value in grid]


def _title(parameter: Parameter) -> str:
    return f"{parameter.title} ({parameter.unit})" if parameter.unit else parameter.title
