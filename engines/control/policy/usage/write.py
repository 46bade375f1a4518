"""usage.py of an exported policy: observations in, its actions out."""

from __future__ import annotations

from pathlib import Path

from engines.control.simulation.robots import Robot
from engines.exports import script
from engines.messages import _

HOW = _("""\
```
pip install -r requirements.txt
python usage.py OBSERVATIONS.csv
```

prints what the policy does at each row of a table: an action in the robot's own units, or the name of a choice. A row
is what the robot sees at one moment, a column a sensor: {sensors}; or `observation_0`, `observation_1` and so on.""")


def write(folder: Path, robot: Robot, run: Path, *, algorithm: str | None) -> None:
    """usage.py and requirements.txt, for policy.zip as that algorithm of Stable-Baselines3 loads it, or without one for
    policy.onnx."""
    constants = {
        "onnx": algorithm is None,
        "algorithm": algorithm,
        "choices": robot.discrete,
        "sensors": [name for name, _ in robot.observations],
        "actions": list(robot.actions),
    }
    needs = ("numpy", "stable-baselines3") if algorithm else ("numpy", "onnxruntime")
    script.write_usage(folder, __file__, constants, run, needs)


def how(robot: Robot) -> str:
    return HOW.format(sensors=", ".join(f"`{name}`" for name, _ in robot.observations))
