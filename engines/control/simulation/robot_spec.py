"""What is said of a robot: what it sees and does, and which of its physics a person may change."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from engines.contract import InputError, Problem
from engines.messages import Declared, _


@dataclass(frozen=True)
class Parameter(Declared):
    """One physical value of a robot that a person may change. `low` and `high` (inclusive) are what is accepted."""

    name: str
    title: str
    unit: str
    """'×' where the value multiplies what the simulator has."""
    help: str
    """What it does, in one sentence."""
    nominal: float
    low: float
    high: float

    @property
    def proportional(self) -> bool:
        """Whether twice and half are equally far from the nominal value; not so where zero is allowed."""
        return self.low > 0


@dataclass(frozen=True)
class Robot(Declared):
    """A robot as Gymnasium simulates it."""

    name: str
    title: str
    env_id: str
    make_kwargs: dict[str, Any]
    observations: tuple[tuple[str, str], ...]
    """(name, unit) of each number that the robot sees."""
    spreads: tuple[float, ...]
    """The usual standard deviation of each, over 10 episodes of random actions: noise is measured in these."""
    actions: tuple[str, ...]
    """What each action number does; for a discrete robot, what each choice does."""
    action_limit: float
    """Commands are between minus this and this; of a discrete robot, unused."""
    discrete: bool
    physics: tuple[Parameter, ...]
    """The ones that logs tell best come first."""
    goal: str
    """What it is rewarded for, in one sentence."""
    steps: int
    """The longest episode."""
    worst: float
    """The reward of the step at which a simulator diverges: the lowest that one step can give."""
    mujoco: bool
    settable: bool
    """Whether its state can be set from an observation, so that logs tell its physics."""

    def parameter(self, name: str) -> Parameter:
        """Raises InputError listing the known ones."""
        found = next((parameter for parameter in self.physics if parameter.name == name), None)
        if found is None:
            raise InputError(unknown_parameter(self, name))
        return found

    @property
    def width(self) -> int:
        """How many numbers an observation has."""
        return len(self.observations)

    @property
    def action_width(self) -> int:
        """How many numbers an action has."""
        return 1 if self.discrete else len(self.actions)


def unknown_parameter(robot: Robot, name: str) -> Problem:
    """The problem of a parameter that the robot has not."""
    known = [parameter.name for parameter in robot.physics]
    near = difflib.get_close_matches(name, known, n=1)
    hint = _("did you mean {near}? Known", near=near[0]) if near else "known"
    return Problem(
        _("physics {name}", name=name),
        _("{title} has no such parameter", title=robot.title),
        f"{hint}: {', '.join(known)}",
    )


DELAY = Parameter(
    "delay", "Delay", "steps", _("How many steps pass until a command reaches the motors (a whole number)."), 0, 0, 5
)
ACTION_GAIN = Parameter(
    "action_gain", _("Motor strength"), "×", _("What arrives at the motors of each command; 1 is all of it."), 1, 0.1, 3
)
OBSERVATION_NOISE = Parameter(
    "observation_noise",
    _("Sensor noise"),
    "× usual spread",
    _("Random error added to everything the robot sees, as a share of how much that number usually varies."),
    0,
    0,
    1,
)
COMMON = (DELAY, ACTION_GAIN, OBSERVATION_NOISE)
"""What every robot may have besides its own physics. Friction is among the physics of those whose simulator has it."""
