"""What was guessed of a log, each with what else it may be and the setting that says so."""

from __future__ import annotations

import numpy as np

from engines.contract import ReadAs
from engines.control.logs.how import AS_THEY_ARE, MIRRORED, NEXT_ROW, SCALED, SETTINGS, THIS_ROW, How
from engines.control.logs.raw import Raw
from engines.control.logs.transitions import Logs
from engines.control.simulation.robots import ROBOTS, Robot

PARTS = {
    "observations": "observation",
    "actions": "command",
    "next_observations": "next observation",
    "rewards": "reward",
    "terminated": "end of an episode",
    "step": "time",
}
"""Part of a transition -> what a person calls it."""
MANY = 8


def read_as(raw: Raw, logs: Logs, how: How, scored: str) -> list[ReadAs]:
    """Everything that was guessed; `scored` says how well each robot explains the log, where there were several."""
    return [
        _robot(raw, logs, how, scored),
        *_columns(raw, how),
        *_numbers(raw, logs, how),
        *_commands(raw, logs, how),
        *_time(logs),
    ]


def _robot(raw: Raw, logs: Logs, how: How, scored: str) -> ReadAs:
    robot = logs.robot
    others = [r.name for r in ROBOTS.values() if r is not robot and (r.width, r.action_width) == _size(robot)]
    why = scored or f"By its {robot.width} numbers seen and {robot.action_width} of the command."
    if raw.env is not None:
        why = f"The file names {raw.env[:60]}."
    return ReadAs("robot", robot.name, others, "robot", "You said so." if how.robot else why)


def _size(robot: Robot) -> tuple[int, int]:
    return robot.width, robot.action_width


def _columns(raw: Raw, how: How) -> list[ReadAs]:
    """Which columns (or arrays) each part of a transition was taken from; of a part in one column, which others there
    are."""
    found = []
    for part, title in PARTS.items():
        taken = [column for column, of in raw.columns.items() if of == part]
        if part == "terminated":  # other words for it
            taken = [c for c, of in raw.columns.items() if of in {part, "truncated", "done", "not_done"}]
        several = len(taken) > MANY
        value = f"{taken[0]} to {taken[-1]} ({len(taken)})" if several else ", ".join(taken)
        single = part in {"rewards", "terminated", "step"}
        others = [column for column in raw.unused if "," not in column] if single else []
        why = "You said so." if how.named(part) else "By its name." if taken else "No column is called so."
        found.append(ReadAs(title, value, others, SETTINGS[part] if raw.tabular else None, why))
    return found


def _numbers(raw: Raw, logs: Logs, how: How) -> list[ReadAs]:
    """What each number of the observation is, and its unit."""
    robot = logs.robot
    found = []
    if raw.sensors is None and robot.width <= MANY:
        names = ", ".join(name for name, _ in robot.observations)
        why = "You said so." if how.sensors else "In the order of the simulator."
        found.append(ReadAs("observation's numbers", how.sensors or names, [], "sensors", why))
    if any(unit.startswith("rad") for _, unit in robot.observations):
        value = "radians" if how.angles == "auto" else how.angles
        other = "radians" if value == "degrees" else "degrees"
        found.append(ReadAs("angles", value, [other], "angles", "You said so." if how.angles != "auto" else ""))
    return found


def _commands(raw: Raw, logs: Logs, how: How) -> list[ReadAs]:
    """In which unit commands are, and in which row each stands."""
    robot, said = logs.robot, how.commands != "auto"
    value = how.commands if said else AS_THEY_ARE
    kinds = [AS_THEY_ARE, MIRRORED] if robot.discrete or robot.action_limit == 1 else [AS_THEY_ARE, SCALED, MIRRORED]
    why = "You said so." if said else _range(raw, robot)
    row = THIS_ROW if how.action_row == "auto" else how.action_row
    return [
        ReadAs("commands", value, [kind for kind in kinds if kind != value], "commands", why),
        ReadAs("row of the command", row, [NEXT_ROW if row == THIS_ROW else THIS_ROW], "action_row"),
    ]


def _range(raw: Raw, robot: Robot) -> str:
    largest = float(np.nanmax(np.abs(raw.actions), initial=0.0))
    if robot.discrete:
        return f"{robot.title} has the choices {' and '.join(robot.actions)}."
    return f"The largest is {largest:.3g}; {robot.title} takes up to {robot.action_limit:g}."


def _time(logs: Logs) -> list[ReadAs]:
    if logs.seconds is None:
        return []
    return [ReadAs("step of time", f"{logs.seconds:.4g} s", why="The usual time from one row to the next.")]
