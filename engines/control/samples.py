"""Robots for a person who has none: targets that differ from the simulator in other ways, and a log of one unknown.

All of them are simulated, and say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.contract import InputError, Problem, Sample
from engines.control.catalogue import suggested
from engines.control.simulation.robots import find
from engines.control.simulation.target import Target
from engines.messages import _

ORIGIN = "Simulated: Gymnasium's {robot} with other physics"
LICENCE = "Apache-2.0"
LOGGED = 1_000
"""Transitions of a sample log."""


@dataclass(frozen=True)
class Entry:
    """A sample and how it is made."""

    robot: str
    sample: Sample
    make: Callable[[Path], Path]


def _target(name: str, title: str, description: str, robot: str, **values: float) -> Entry:
    target = Target(find(robot)).changed(**values)
    return _of(name, title, description, target, lambda out: _written(out / f"{name}.json", target.to_json()))


def _of(name: str, title: str, description: str, target: Target, make: Callable[[Path], Path]) -> Entry:
    origin = ORIGIN.format(robot=target.robot.title)
    return Entry(target.robot.name, Sample(name, title, description, origin, LICENCE, real=False), make)


def _logs(name: str, title: str, description: str, robot: str, **values: float) -> Entry:
    target = Target(find(robot)).changed(**values)

    def make(out: Path) -> Path:
        from engines.control.logs.logs import record, write_csv

        return write_csv(record(None, target, LOGGED, seed=8), out / f"{name}.csv")

    return _of(name, title, description, target, make)


def _model(name: str, title: str, description: str, robot: str, **changes: tuple[str, str]) -> Entry:
    """Gymnasium's own model with some of its text replaced."""
    target = Target(find(robot))

    def make(out: Path) -> Path:
        from engines.control.simulation.mjcf import own_model

        text = own_model(target.robot)
        for what, (old, new) in changes.items():
            if old not in text:
                raise RuntimeError(f"the {what} is not in the model any more")
            text = text.replace(old, new)
        return _written(out / f"{name}.xml", text)

    return _of(name, title, description, target, make)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


ENTRIES: tuple[Entry, ...] = (
    _target(
        "pendulum-late",
        "Pendulum: heavier, longer, late and noisy",
        "A rod of 1.4 kg and 1.3 m instead of 1 and 1; commands come a step late and a tenth weaker; noisy sensors.",
        "pendulum",
        m=1.4,
        l=1.3,
        delay=1,
        action_gain=0.9,
        observation_noise=0.02,
    ),
    _target(
        "pendulum-heavy",
        "Pendulum: heavier and longer",
        "A rod of 1.4 kg and 1.3 m instead of 1 and 1.",
        "pendulum",
        m=1.4,
        l=1.3,
    ),
    _target(
        "pendulum-light-late",
        "Pendulum: short, light and two steps late",
        "A rod of 0.6 kg and 0.7 m, commands two steps late: a policy for many masses and lengths knows no delay.",
        "pendulum",
        m=0.6,
        l=0.7,
        delay=2,
    ),
    _logs(
        "pendulum-log",
        "Pendulum: 1,000 logged steps of an unknown one",
        "Only a log (CSV) of random commands and what followed. Which rod is it, how late? (0.8 kg, 0.7 m, one step.)",
        "pendulum",
        m=0.8,
        l=0.7,
        delay=1,
        observation_noise=0.005,
    ),
    _target(
        "cartpole-long",
        "CartPole: a long, heavy pole and late commands",
        "A pole twice as long and four times as heavy, a little more gravity, and commands that come a step late.",
        "cartpole",
        length=1.0,
        masspole=0.4,
        gravity=11.0,
        delay=1,
    ),
    _target(
        "lander-wind",
        "LunarLander: in a storm",
        "Strong wind that keeps turning, turbulence, and a main engine with 85 % of its power.",
        "lunarlander",
        wind=15.0,
        turbulence=1.5,
        main_engine=0.85,
    ),
    _target(
        "walker-ice",
        "BipedalWalker: on ice, with weaker motors",
        "The ground holds a tenth as well, and the motors have 85 % of their torque.",
        "bipedalwalker",
        friction=0.1,
        motor_torque=0.85,
    ),
    _target(
        "invertedpendulum-long",
        "InvertedPendulum: a longer pole, late commands",
        "A pole 1.6 times as long on a cart with worn rails; commands come a step late.",
        "invertedpendulum",
        pole_length=1.6,
        damping=3.0,
        delay=1,
    ),
    _target(
        "reacher-worn",
        "Reacher: worn joints, late commands",
        "Joints with more damping and dry friction, motors at 80 %, a step late.",
        "reacher",
        damping=1.5,
        friction=8.0,
        action_gain=0.8,
        delay=1,
    ),
    _target(
        "hopper-heavy",
        "Hopper: a heavier body",
        "A body 1.4 times as heavy, joints with more friction, and a floor that is a little slippery.",
        "hopper",
        torso_mass=1.4,
        damping=1.3,
        friction=0.7,
    ),
    _target(
        "cheetah-loaded",
        "HalfCheetah: loaded, softer springs",
        "A body 1.4 times as heavy, springs at 70 %, motors at 85 %, a step late.",
        "halfcheetah",
        torso_mass=1.4,
        stiffness=0.7,
        action_gain=0.85,
        delay=1,
    ),
    _model(
        "invertedpendulum-built",
        "InvertedPendulum: built otherwise (MJCF)",
        "A MuJoCo model of its own: a pole twice as long, and so twice as heavy, on a motor with 60 % of the force.",
        "invertedpendulum",
        pole=('fromto="0 0 0 0.001 0 0.6"', 'fromto="0 0 0 0.001 0 1.2"'),
        motor=('gear="100"', 'gear="60"'),
    ),
    _model(
        "hopper-built",
        "Hopper: built otherwise (MJCF)",
        "A MuJoCo model of its own: a longer, thicker foot and joints with less damping.",
        "hopper",
        foot=('size="0.06 0.195"', 'size="0.07 0.22"'),
        damping=('<joint armature="1" damping="1"', '<joint armature="1" damping="0.6"'),
    ),
)


def samples() -> list[Sample]:
    """What a person can start from, the best first: robots that there is a policy for."""
    return [entry.sample for entry in ENTRIES if suggested(entry.robot)]


def make_sample(name: str, out: Path) -> Path:
    """Writes a sample into the folder `out`. Raises InputError for an unknown name."""
    entry = next((entry for entry in ENTRIES if entry.sample.name == name), None)
    if entry is None:
        known = ", ".join(entry.sample.name for entry in ENTRIES)
        raise InputError(Problem(f"sample {name}", _("there is none of that name"), _("known: {known}", known=known)))
    out.mkdir(parents=True, exist_ok=True)
    return entry.make(out)
