"""Simulators started from what a log says the robot saw: many short stretches at once, without noise.

Gymnasium's own equations step all stretches together (the Pendulum's code takes arrays as it stands, CartPole has a
vectorised twin), and `mujoco.rollout` steps MuJoCo's in C.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.contract import InputError, Problem
from engines.control.simulation.environment import make
from engines.control.simulation.physics import physics_of
from engines.control.simulation.robots import ROBOTS, Robot
from engines.control.simulation.target import Target
from engines.messages import _

Roll = Callable[[np.ndarray, np.ndarray, Mapping[str, float], float], np.ndarray]
"""(observations (N, width), commands (N, K, actions), physics, gain) -> what is seen after each of the K steps:
float64 (N, K, compared). Commands are those that arrive, before the gain."""


@dataclass(frozen=True)
class Stepper:
    """A robot's simulator that can be started anywhere."""

    robot: Robot
    compared: tuple[int, ...]
    """Which numbers of an observation are predicted; the others follow from them."""
    roll: Roll
    usable: Callable[[np.ndarray], np.ndarray]
    """Of observations (N, width): True (N,) where the whole state is in them."""
    windows: int
    """How many stretches are enough: MuJoCo's cost about 80 µs a step."""
    seconds: float
    """What a step takes."""


def stepper(robot: Robot, mjcf: str | None = None) -> Stepper:
    """The simulator of `robot`. Raises InputError for a robot whose observations do not hold its whole state."""
    if not robot.settable:
        able = ", ".join(other.title for other in ROBOTS.values() if other.settable)
        found = _(
            "what {title} sees does not hold its whole state, so that its physics cannot be read from logs",
            title=robot.title,
        )
        raise InputError(
            Problem(
                "robot", found, _("accepted: logs of {able}; of {title} a target's JSON", able=able, title=robot.title)
            )
        )
    if robot.mujoco:
        return _mujoco(robot, mjcf)
    return _pendulum(robot) if robot.name == "pendulum" else _cartpole(robot)


def _everything(observations: np.ndarray) -> np.ndarray:
    return np.ones(len(observations), bool)


def _pendulum(robot: Robot) -> Stepper:
    env: Any = make(Target(robot), seed=0).unwrapped
    set_physics = physics_of(env, robot)

    def roll(seen: np.ndarray, commands: np.ndarray, physics: Mapping[str, float], gain: float) -> np.ndarray:
        set_physics(physics, gain)
        env.state = np.stack([np.arctan2(seen[:, 1], seen[:, 0]), seen[:, 2]])  # (2, N)
        after = []
        for step in range(commands.shape[1]):
            env.step(commands[:, step].T * gain)  # (1, N)
            angle, speed = env.state
            after.append(np.stack([np.cos(angle), np.sin(angle), speed], axis=1))
        return np.stack(after, axis=1)

    return Stepper(robot, (0, 1, 2), roll, _everything, windows=4_000, seconds=env.dt)


def _cartpole(robot: Robot) -> Stepper:
    from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

    made: dict[int, tuple[Any, Any]] = {}

    def roll(seen: np.ndarray, commands: np.ndarray, physics: Mapping[str, float], gain: float) -> np.ndarray:
        n = len(seen)
        if n not in made:
            env = CartPoleVectorEnv(num_envs=n)
            env.reset(seed=0)
            made[n] = (env, physics_of(env, robot))
        env, set_physics = made[n]
        set_physics(physics, gain)
        env.state = seen.T.astype(float)  # (4, N)
        after = []
        for step in range(commands.shape[1]):
            env.prev_done[:] = False  # nothing starts anew: a fallen pole goes on falling
            env.step(commands[:, step, 0].astype(np.int64))
            after.append(env.state.T.copy())
        return np.stack(after, axis=1)

    tau = make(Target(robot), seed=0).unwrapped.tau  # type: ignore[attr-defined]
    return Stepper(robot, (0, 1, 2, 3), roll, _everything, windows=4_000, seconds=tau)


def _mujoco(robot: Robot, mjcf: str | None) -> Stepper:
    import mujoco
    from mujoco.rollout import rollout

    env: Any = make(Target(robot, mjcf=mjcf), seed=0).unwrapped
    model, skip = env.model, env.frame_skip
    set_physics = physics_of(env, robot)
    to_state, to_seen, compared = _STATES[robot.name]
    data = mujoco.MjData(model)
    speeds = slice(-model.nv, None)

    def roll(seen: np.ndarray, commands: np.ndarray, physics: Mapping[str, float], gain: float) -> np.ndarray:
        set_physics(physics, gain)
        state = np.concatenate([np.zeros((len(seen), 1)), to_state(seen)], axis=1)  # time, positions, velocities
        control = np.repeat(commands * gain, skip, axis=1)  # (N, K × skip, actions)
        states, _ = rollout(model, data, state, control)
        return np.asarray(to_seen(states[:, skip - 1 :: skip, 1:]))

    def usable(seen: np.ndarray) -> np.ndarray:
        if robot.name != "hopper":
            return _everything(seen)
        return np.asarray(np.abs(seen[:, speeds]).max(axis=1) < 10)  # Hopper's velocities are cut off at 10

    return Stepper(robot, compared, roll, usable, windows=256, seconds=env.dt)


def _without_first(seen: np.ndarray) -> np.ndarray:
    """Where the robot stands along its way is not seen, and changes nothing."""
    return np.concatenate([np.zeros((len(seen), 1)), seen], axis=1)


def _hopper_seen(states: np.ndarray) -> np.ndarray:
    return np.concatenate([states[..., 1:6], np.clip(states[..., 6:], -10, 10)], axis=-1)


def _reacher_state(seen: np.ndarray) -> np.ndarray:
    angles = np.arctan2(seen[:, 2:4], seen[:, 0:2])
    return np.concatenate([angles, seen[:, 4:6], seen[:, 6:8], np.zeros((len(seen), 2))], axis=1)


def _reacher_seen(states: np.ndarray) -> np.ndarray:
    angles = states[..., :2]
    return np.concatenate([np.cos(angles), np.sin(angles), states[..., 4:6]], axis=-1)


Change = Callable[[np.ndarray], np.ndarray]
_STATES: dict[str, tuple[Change, Change, tuple[int, ...]]] = {
    "invertedpendulum": (lambda seen: seen, lambda states: states, (0, 1, 2, 3)),
    "hopper": (_without_first, _hopper_seen, tuple(range(11))),
    "halfcheetah": (_without_first, lambda states: states[..., 1:], tuple(range(17))),
    "reacher": (_reacher_state, _reacher_seen, (0, 1, 2, 3, 6, 7)),
}
"""Observation to (positions, velocities), back again, and which of its numbers come back."""
