"""The numbers of a log as a robot's own: sensors in their order, angles in radians, commands in the robot's units."""

from __future__ import annotations

import dataclasses

import numpy as np

from engines.contract import InputError, Problem
from engines.control.logs.how import MIRRORED, NEXT_ROW, SCALED, How
from engines.control.logs.raw import Raw
from engines.control.simulation.robots import Robot
from engines.messages import _

ONE = (0.9, 1.001)
"""The largest command of a log whose commands seem scaled to one."""


def as_meant(raw: Raw, robot: Robot, how: How, breaks: np.ndarray) -> Raw:
    """The log read as `how` says; rows that have no command then are NaN. Raises InputError."""
    order, scale = sensor_order(robot, how.sensors), in_radians(robot, how)
    actions, notes = _commands(raw.actions, robot, how)
    if how.action_row == NEXT_ROW:
        actions = np.where(np.append(breaks[1:], True)[:, None], np.nan, np.roll(actions, -1, axis=0))
        notes = [
            *notes,
            _("The command of each row stands in the row after it: the last row of each episode has none."),
        ]

    def own(seen: np.ndarray) -> np.ndarray:
        return seen[:, order] * scale

    return dataclasses.replace(
        raw,
        observations=own(raw.observations),
        next_observations=None if raw.next_observations is None else own(raw.next_observations),
        actions=actions,
        skipped=list(raw.skipped),
        notes=[*raw.notes, *notes],
    )


def sensor_order(robot: Robot, sensors: str | None) -> list[int]:
    """Where each of the robot's sensors stands, if `sensors` lists what the numbers are. Raises InputError."""
    own = [name.lower() for name, _ in robot.observations]
    if sensors is None:
        return list(range(robot.width))
    given = [name.strip().lower() for name in sensors.split(",")]
    if sorted(given) != sorted(own):
        accepted = _("accepted: the sensors of {title} in their order: {own}", title=robot.title, own=", ".join(own))
        raise InputError(Problem(_("setting sensors"), _("found {sensors!r}", sensors=sensors[:120]), accepted))
    return [given.index(name) for name in own]


def in_radians(robot: Robot, how: How) -> np.ndarray:
    """float64 (width,): what each number is multiplied by."""
    turned = [how.angles == "degrees" and unit.startswith("rad") for _, unit in robot.observations]
    return np.where(turned, np.pi / 180, 1.0)


def two_forces(actions: np.ndarray) -> tuple[float, float] | None:
    """The two commands that a log has, where they are no choices 0 and 1 yet."""
    values = np.unique(actions[np.isfinite(actions)])
    return (float(values[0]), float(values[1])) if len(values) == 2 and values.tolist() != [0.0, 1.0] else None


def scaled_by(actions: np.ndarray, robot: Robot, how: How) -> float:
    """What commands were perhaps divided by, so that they reach to 1; 1 where nothing speaks for that, or where a
    person said how they are."""
    if robot.discrete or robot.action_limit == 1 or how.commands != "auto" or not len(actions):
        return 1.0
    largest = float(np.nanmax(np.abs(actions), initial=0.0))
    return robot.action_limit if ONE[0] <= largest <= ONE[1] else 1.0


def _commands(actions: np.ndarray, robot: Robot, how: How) -> tuple[np.ndarray, list[str]]:
    notes = []
    if robot.discrete:
        if robot.action_width == 1 and len(robot.actions) == 2 and (forces := two_forces(actions)) is not None:
            low, high = forces
            actions = np.where(actions == low, 0.0, np.where(actions == high, 1.0, np.nan))
            notes.append(
                _(
                    "The commands are {low:g} and {high:g}: they are read as {actions} and {robot_actions}.",
                    low=low,
                    high=high,
                    actions=robot.actions[0],
                    robot_actions=robot.actions[1],
                )
            )
        return (1 - actions if how.commands == MIRRORED else actions), notes
    return actions * {SCALED: robot.action_limit, MIRRORED: -1.0}.get(how.commands, 1.0), notes
