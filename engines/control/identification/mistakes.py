"""What people usually get wrong in a log that nothing explains: each is tried, or told by its look."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.contract import InputError
from engines.control.identification.explained import Foretold, as_it_is, foretold
from engines.control.logs.how import AS_THEY_ARE, MIRRORED, NEXT_ROW, THIS_ROW, How
from engines.control.logs.logs import Logs, of
from engines.control.logs.order import first
from engines.control.logs.raw import Raw
from engines.control.simulation.robots import Robot
from engines.control.simulation.rollouts import stepper
from engines.messages import _

TRIED_ROWS = 2_000
"""Of a log, to try another reading on."""
FITTED = {True: 2, False: 4}
"""Readings whose physics are fitted (MuJoCo, others): the best ones as they stand."""
EVERY_ORDER = 4
"""Numbers of an observation of which every order is tried."""
BETTER = 0.5
"""Of the error as the log was read, below which another reading explains it."""
NORMALISED = (0.35, 0.3)
"""How far from 0 the mean, and from 1 the standard deviation, of each number of a normalised observation may be: it may
have been normalised by more than is in the log."""
CIRCLES = {"pendulum": ((0, 1),), "reacher": ((0, 2), (1, 3))}
"""Which numbers are the cosine and the sine of one angle."""
ROUND = 0.05
OTHER_STEP = 1.2
"""Times that a step of time is another one than the simulator's."""


@dataclass(frozen=True)
class Reading:
    """Another way to read a log."""

    setting: str
    value: str
    usual: str
    """What the setting is where nobody says anything."""
    words: str
    """Goes on after 'it is explained'."""

    def of(self, how: How) -> How:
        changed: dict[str, Any] = {self.setting: self.value}
        return dataclasses.replace(how, **changed)


def better_reading(raw: Raw, logs: Logs, how: How, now: Foretold) -> tuple[Reading, Foretold] | None:
    """The one usual mistake without which the log is explained, and how well; None where there is no such."""
    few = first(raw, TRIED_ROWS)
    tried: list[tuple[float, Reading, Logs]] = []
    for reading in readings(raw, logs.robot, how):
        try:
            other = of(few, logs.robot, reading.of(how))
            tried.append((as_it_is(other), reading, other))
        except InputError:  # it leaves too few rows
            continue
    best: tuple[Reading, Foretold] | None = None
    for _unused, reading, other in sorted(tried, key=lambda each: each[0])[: FITTED[logs.robot.mujoco]]:
        found = foretold(other)
        if found is None or found.doubtful or found.simulator > BETTER * now.simulator:
            continue
        if best is None or found.simulator < best[1].simulator:
            best = reading, found
    return best


def readings(raw: Raw, robot: Robot, how: How) -> Iterator[Reading]:
    """Every other reading that a person has not ruled out."""
    names = [name for name, _ in robot.observations]
    if how.sensors is None and raw.sensors is None:
        for order in orders(robot):
            said = ", ".join(names[at] for at in order)
            yield Reading("sensors", said, ", ".join(names), _("if the observation's numbers are {said}", said=said))
    if how.angles == "auto" and any(unit.startswith("rad") for _, unit in robot.observations):
        yield Reading("angles", "degrees", "radians", _("if its angles are in degrees"))
    if how.commands == "auto":
        yield Reading("commands", MIRRORED, AS_THEY_ARE, _("if its commands have the other sign"))
    if how.action_row == "auto":
        yield Reading("action_row", NEXT_ROW, THIS_ROW, _("if the command of each row stands in the row after it"))


def orders(robot: Robot) -> list[tuple[int, ...]]:
    """Other orders of the sensors: all of a few, else the speeds first, or each joint's numbers together."""
    usual = tuple(range(robot.width))
    if robot.width <= EVERY_ORDER:
        return [order for order in itertools.permutations(usual) if order != usual]
    if robot.name == "reacher":
        return [(0, 2, 1, 3, *usual[4:]), (2, 0, 3, 1, *usual[4:]), (2, 3, 0, 1, *usual[4:])]
    speeds = [at for at in usual if robot.observations[at][1].endswith("/s")]
    places = [at for at in usual if at not in speeds]
    return [(*speeds, *places)]


def looks(logs: Logs) -> list[str]:
    """What speaks, by its look, for numbers that are not the robot's own: phrases."""
    found = []
    seen = logs.observations
    off, apart = np.abs(seen.mean(axis=0)), np.abs(seen.std(axis=0) - 1)
    if (off < NORMALISED[0]).all() and (apart < NORMALISED[1]).all():
        found.append(
            _(
                "each number of the observation has about mean 0 and standard deviation 1, as if it had been "
                "normalised: give it in its own unit"
            )
        )
    for one, other in CIRCLES.get(logs.robot.name, ()):
        if float(np.median(np.abs(seen[:, one] ** 2 + seen[:, other] ** 2 - 1))) > ROUND:
            names = [logs.robot.observations[at][0] for at in (one, other)]
            found.append(_("the squares of {names} and {names2} do not add up to 1", names=names[0], names2=names[1]))
    return [*found, *other_step(logs)]


def other_step(logs: Logs) -> list[str]:
    """That a step takes another time than the simulator's, where the log has times and it does."""
    usual = stepper(logs.robot, logs.mjcf).seconds
    if logs.seconds is None or usual / OTHER_STEP < logs.seconds < usual * OTHER_STEP:
        return []
    said = _(
        "a step of the log takes {seconds:.3g} s and one of the simulator {usual:.3g} s",
        seconds=logs.seconds,
        usual=usual,
    )
    return [_("{said}: the physics can make up for some of that at best", said=said)]
