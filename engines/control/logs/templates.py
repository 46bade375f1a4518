"""Files to fill in for a robot, one for each format: a log with its headings, a description with every key, a model.
Light."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from engines.control.simulation.mjcf import own_model
from engines.control.simulation.robots import Robot
from engines.control.simulation.target import Target
from engines.data.templates import table

STEPS = 2
"""Of one episode, as an example."""


def of(robot: Robot) -> dict[str, bytes]:
    """By their names: 'pendulum-log.csv', …. There is a model where it is a MuJoCo robot."""
    files = {
        "log.csv": _columns(robot),
        "log.jsonl": _lines(robot),
        "log.npz": _arrays(robot),
        "robot.json": _description(robot),
    }
    if robot.mujoco:
        files["robot.xml"] = own_model(robot).encode()
    return {f"{robot.name}-{name}": content for name, content in files.items()}


def _columns(robot: Robot) -> bytes:
    """A number a column."""
    seen = [f"observation_{number}" for number in range(robot.width)]
    commands = [f"action_{number}" for number in range(robot.action_width)]
    names = ["episode", "step", *seen, *commands, "reward", *(f"next_{name}" for name in seen), "terminated"]
    zeros = [0.0] * robot.width
    return table(names, [[0, step, *zeros, *[0] * robot.action_width, 0.0, *zeros, 0] for step in range(STEPS)])


def _lines(robot: Robot) -> bytes:
    """A line a step, in which what belongs together is a list."""
    return "".join(f"{json.dumps(_step(robot, step))}\n" for step in range(STEPS)).encode()


def _step(robot: Robot, step: int) -> dict[str, Any]:
    zeros = [0.0] * robot.width
    return {
        "episode": 0,
        "step": step,
        "observation": zeros,
        "action": [0] * robot.action_width,
        "reward": 0.0,
        "next_observation": zeros,
        "terminated": False,
    }


def _arrays(robot: Robot) -> bytes:
    """A row a step."""
    file = io.BytesIO()
    zeros = np.zeros((STEPS, robot.width), np.float32)
    np.savez(
        file,
        observations=zeros,
        actions=np.zeros((STEPS, robot.action_width), np.float32),
        rewards=zeros[:, 0],
        next_observations=zeros,
        terminals=np.zeros(STEPS, bool),
        timeouts=np.arange(STEPS) == STEPS - 1,
    )
    return file.getvalue()


def _description(robot: Robot) -> bytes:
    """Every value as the simulator has it."""
    given = Target(robot).to_dict()
    given["physics"] = {parameter.name: parameter.nominal for parameter in robot.physics}
    return (json.dumps(given, indent=2) + "\n").encode()
