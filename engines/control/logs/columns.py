"""Which column of a table, or array of a file, holds which part of a transition. Light."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from engines.contract import InputError, Problem
from engines.control.logs.how import SETTINGS, How
from engines.control.simulation.robots import ROBOTS, Robot, find
from engines.data.row_sampling import listed
from engines.messages import _

NUMBERED = {
    "next_observations": r"(?:next_?(?:observations?|obs|states?|o|s)|(?:observations?|obs|states?)_?next)_?(\d+)",
    "observations": r"(?:observations?|obs|states?|o|s)_?(\d+)",
    "actions": r"(?:actions?|act|a|u)_?(\d*)",
}
SINGLE = {
    "rewards": {"reward", "rewards", "rew", "r"},
    "terminated": {"terminated", "terminal", "terminals", "terminations"},
    "truncated": {"truncated", "truncations", "timeout", "timeouts", "episode_terminals"},
    "done": {"done", "dones", "done_no_max"},
    "not_done": {"not_done", "notdone", "masks", "mask"},
    "episode": {"episode", "episodes", "episode_id", "trajectory", "run"},
    "step": {"step", "steps", "timestep", "timesteps", "time", "t", "timestamp", "datetime"},
}
ARRAYS = {
    "observations": {"observations", "observation", "obs", "states", "state"},
    "actions": {"actions", "action", "act"},
    "next_observations": {"next_observations", "next_observation", "next_obs", "next_states", "next_state"},
    **SINGLE,
}
SHORT_NAMES = {
    "pendulum": ("cos_theta", "sin_theta", "theta_dot"),
    "cartpole": ("x", "x_dot", "theta", "theta_dot"),
    "invertedpendulum": ("x", "theta", "x_dot", "theta_dot"),
}
"""What a robot's sensors are called in its own code, in their order."""


def plain(name: str) -> str:
    """A column's name without what people write differently: 'Next Obs[0]' is next_obs_0."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def guessed(columns: Sequence[str], robot: str | None) -> tuple[dict[str, list[int]], str | None]:
    """Positions of the columns of each part, numbered ones in their order; and the robot whose sensors' names they
    bear, if they do."""
    names = [plain(column) for column in columns]
    found: dict[str, list[int]] = {}
    for part, pattern in NUMBERED.items():
        hits = [(int(match[1] or 0), at) for at, name in enumerate(names) if (match := re.fullmatch(pattern, name))]
        if hits:
            found[part] = [at for _, at in sorted(hits)]
    for part, known in SINGLE.items():
        hit = next((at for at, name in enumerate(names) if name in known), None)
        if hit is not None:
            found[part] = [hit]
    for part in ("observations", "next_observations"):  # a list of numbers in one cell
        hit = next((at for at, name in enumerate(names) if name in ARRAYS[part]), None)
        if part not in found and hit is not None:
            found[part] = [hit]
    named = None
    for candidate in [find(robot)] if robot else ROBOTS.values():
        if "observations" not in found and (places := _sensors(names, candidate)):
            named = candidate.name
            found |= places
    return found, named


def _sensors(names: list[str], robot: Robot) -> dict[str, list[int]]:
    """The columns that bear the names of all of a robot's sensors, and of its commands."""
    found: dict[str, list[int]] = {}
    for sensors in ([plain(name) for name, _unused in robot.observations], SHORT_NAMES.get(robot.name, ())):
        if "observations" not in found and sensors and all(sensor in names for sensor in sensors):
            found["observations"] = [names.index(sensor) for sensor in sensors]
            after = [f"next_{sensor}" for sensor in sensors]
            if all(name in names for name in after):
                found["next_observations"] = [names.index(name) for name in after]
            moves = [plain(name) for name in robot.actions]
            if all(move in names for move in moves):
                found["actions"] = [names.index(move) for move in moves]
    return found


def chosen(name: str, columns: Sequence[str], how: How) -> tuple[dict[str, list[int]], str | None]:
    """As `guessed`, but where a person named columns these are taken. Raises InputError for one that is not there."""
    found, robot = guessed(columns, how.robot)
    folded = [column.strip().casefold() for column in columns]
    for part, setting in SETTINGS.items():
        wanted = how.named(part)
        for column in wanted:
            if column.casefold() not in folded:
                near = difflib.get_close_matches(column, columns, n=1)
                hint = _("did you mean {near}? Its columns are", near=near[0]) if near else _("its columns are")
                there = _("{name} has no column '{column}'", name=name, column=column[:60])
                raise InputError(
                    Problem(_("setting {setting}", setting=setting), there, f"{hint} {listed(list(columns), 8)}")
                )
        if wanted:
            found[part] = [folded.index(column.casefold()) for column in wanted]
            robot = None if part == "observations" else robot
            if part == "terminated":  # nothing else says where an episode ends, then
                found = {other: at for other, at in found.items() if other not in {"truncated", "done", "not_done"}}
    taken = {at for part in ("observations", "actions") if how.named(part) for at in found[part]}
    for part in [part for part in found if part not in {"observations", "actions"} and not how.named(part)]:
        found[part] = [at for at in found[part] if at not in taken]
    return {part: at for part, at in found.items() if at}, robot
