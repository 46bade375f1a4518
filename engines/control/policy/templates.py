"""Files to fill in: a log in each format, and a description, of the robot that a page begins with; a MuJoCo model."""

from __future__ import annotations

from engines.control.logs import templates as files
from engines.control.simulation.robots import ROBOTS

FIRST = "pendulum"
WITH_MODEL = "invertedpendulum"


def templates() -> dict[str, bytes]:
    """By their names; numbers in them are placeholders."""
    model = f"{WITH_MODEL}-robot.xml"
    return files.of(ROBOTS[FIRST]) | {model: files.of(ROBOTS[WITH_MODEL])[model]}
