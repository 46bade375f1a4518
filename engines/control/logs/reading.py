"""What was guessed of a log, each with what else it may be and the setting that says so."""

from __future__ import annotations

import numpy as np

from engines.contract import ReadAs
from engines.control.logs.how import AS_THEY_ARE, MIRRORED, NEXT_ROW, SCALED, SETTINGS, THIS_ROW, How
from engines.control.logs.raw import Raw
from engines.control.logs.transitions import Logs
from engines.control.simulation.robots import ROBOTS, Robot
from engines.messages import _, told

PARTS = {
    "observations": "observation",
    "actions": "command",
    "next_observations": _("next observation"),
    "rewards": "reward",
    "terminated": _("end of an episode"),
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
    why = scored or _(
        "By its {width} numbers seen and {action_width} of the command.",
        width=robot.width,
        action_width=robot.action_width,
    )
    if raw.env is not None:
        why = _("The file names {env}.", env=raw.env[:60])
    return ReadAs(_("robot"), robot.name, others, "robot", _("You said so.") if how.robot else why)


def _size(robot: Robot) -> tuple[int, int]:
    return robot.width, robot.action_width


def _columns(raw: Raw, how: How) -> list[ReadAs]:
    """Which columns (or arrays) each part of a transition was taken from; of a part in one column, which others there
    are."""
    found = []
    for part, title in told(PARTS).items():
        taken = [column for column, of in raw.columns.items() if of == part]
        if part == "terminated":  # other words for it
            taken = [c for c, of in raw.columns.items() if of in {part, "truncated", "done", "not_done"}]
        several = len(taken) > MANY
        value = (
            _("{taken} to {taken2} ({taken3})", taken=taken[0], taken2=taken[-1], taken3=len(taken))
            if several
            else ", ".join(taken)
        )
        single = part in {"rewards", "terminated", "step"}
        others = [column for column in raw.unused if "," not in column] if single else []
        why = _("You said so.") if how.named(part) else _("By its name.") if taken else _("No column is called so.")
        found.append(ReadAs(title, value, others, SETTINGS[part] if raw.tabular else None, why))
    return found


def _numbers(raw: Raw, logs: Logs, how: How) -> list[ReadAs]:
    """What each number of the observation is, and its unit."""
    robot = logs.robot
    found = []
    if raw.sensors is None and robot.width <= MANY:
        names = ", ".join(name for name, _ in robot.observations)
        why = _("You said so.") if how.sensors else _("In the order of the simulator.")
        found.append(ReadAs(_("observation's numbers"), how.sensors or names, [], "sensors", why))
    if any(unit.startswith("rad") for _, unit in robot.observations):
        value = "radians" if how.angles == "auto" else how.angles
        other = "radians" if value == "degrees" else "degrees"
        found.append(ReadAs(_("angles"), value, [other], "angles", _("You said so.") if how.angles != "auto" else ""))
    return found


def _commands(raw: Raw, logs: Logs, how: How) -> list[ReadAs]:
    """In which unit commands are, and in which row each stands."""
    robot, said = logs.robot, how.commands != "auto"
    value = how.commands if said else AS_THEY_ARE
    kinds = [AS_THEY_ARE, MIRRORED] if robot.discrete or robot.action_limit == 1 else [AS_THEY_ARE, SCALED, MIRRORED]
    why = _("You said so.") if said else _range(raw, robot)
    row = THIS_ROW if how.action_row == "auto" else how.action_row
    return [
        ReadAs(_("commands"), value, [kind for kind in kinds if kind != value], "commands", why),
        ReadAs(_("row of the command"), row, [NEXT_ROW if row == THIS_ROW else THIS_ROW], "action_row"),
    ]


def _range(raw: Raw, robot: Robot) -> str:
    largest = float(np.nanmax(np.abs(raw.actions), initial=0.0))
    if robot.discrete:
        return _("{title} has the choices {actions}.", title=robot.title, actions=_(" and ").join(robot.actions))
    return _(
        "The largest is {largest:.3g}; {title} takes up to {action_limit:g}.",
        largest=largest,
        title=robot.title,
        action_limit=robot.action_limit,
    )


def _time(logs: Logs) -> list[ReadAs]:
    if logs.seconds is None:
        return []
    return [ReadAs(_("step of time"), f"{logs.seconds:.4g} s", why=_("The usual time from one row to the next."))]
