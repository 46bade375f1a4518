"""A run's policies as a script that plays them: numpy and Gymnasium, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import Task
from engines.control.agents import model_files
from engines.control.simulation.robots import Robot
from engines.control.simulation.target import Target
from engines.exports import script
from engines.exports.bundle import parcel

BOX2D = {"lunarlander", "bipedalwalker"}


def export(task: Task, run: Path, out: Path) -> Path:
    """play.py, the policy of each repeat as policy_N.npz, target.json, and the versions it ran with: a folder or a zip.

    The script plays the episodes that the run was judged on and comes to the same returns. It does not train: what came
    before is in the recipe. Raises InputError when the run holds no policy.
    """
    folder = run / "model"
    config, policies = model_files.read(folder), model_files.repeats(folder)
    target = Target.parse(config["target"])
    with parcel(out) as place:
        template = Path(__file__).with_name("script_template.py")
        script.write(place, template, lesson(config, target), run, needs(target.robot), name="play.py")
        (place / "target.json").write_text(target.to_json(), encoding="utf-8")
        for number, policy in enumerate(policies):
            np.savez(place / f"policy_{number}.npz", **policy.arrays())
    return out


def lesson(config: dict[str, Any], target: Target) -> dict[str, Any]:
    """What the script's RUN holds."""
    robot = target.robot
    return {
        "robot": robot.name,
        "env": robot.env_id,
        "make_kwargs": robot.make_kwargs,
        "steps": robot.steps,
        "spreads": list(robot.spreads),
        "nominal": {parameter.name: parameter.nominal for parameter in robot.physics},
        "actions": list(robot.actions),
        "limit": robot.action_limit,
        "worst": robot.worst,
        "discrete": robot.discrete,
        "mujoco": robot.mujoco,
        "mjcf": target.mjcf is not None,
        "activation": config["activation"],
        "correction": "correction" in config,
        "episodes": config["episodes"],
        "seeds": config["seeds"],
    }


def needs(robot: Robot) -> tuple[str, ...]:
    """The packages that the script imports, and what these need for that robot."""
    simulator = ("mujoco", "imageio") if robot.mujoco else ("box2d",) if robot.name in BOX2D else ()
    return ("gymnasium", "numpy", *simulator)
