"""The real robot as a person describes it: which physics differ, delay, motor strength, sensor noise."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from engines.contract import InputError, Problem
from engines.control.simulation.robots import COMMON, Parameter, Robot, find, unknown_parameter
from engines.messages import _

MOST_BYTES = 1_000_000
KEYS = ("env", "physics", "delay", "action_gain", "observation_noise", "mjcf")
OTHER_NAMES = ("environment", "env_id", "env_name", "robot", "name")
"""What people write for env."""
ACCEPTED = _("accepted: a JSON object with env, physics, delay, action_gain and observation_noise")


@dataclass(frozen=True)
class Target:
    """A robot that may differ from its simulator. Values are the same in every unit as the robot's parameters."""

    robot: Robot
    physics: dict[str, float] = field(default_factory=dict)
    """Only what differs from the nominal values."""
    delay: int = 0
    """Steps until a command reaches the motors."""
    action_gain: float = 1.0
    observation_noise: float = 0.0
    """Standard deviation, in usual spreads of each observation (`Robot.spreads`)."""
    mjcf: str | None = None
    """The model itself (MuJoCo's XML), for a MuJoCo robot that somebody built; `physics` then changes that model."""

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """A target from a JSON object. Raises InputError naming every wrong value.

        A MuJoCo model in it is only looked at as text here: `mjcf.compiled` says whether it is one.
        """
        if not isinstance(given, Mapping):
            raise InputError(Problem("target", _("found {short}", short=_short(given)), ACCEPTED))
        if not isinstance(given.get("env"), str):
            found = _("found {short}", short=_short(given["env"])) if "env" in given else _("it is missing")
            if other := next((name for name in OTHER_NAMES if name in given), None):
                found += _(", and there is {other}", other=other)
            raise InputError(Problem("env", found, _("accepted: a robot's name, e.g. Pendulum-v1")))
        robot = find(given["env"])
        problems = [_unknown(robot, str(name)) for name in given if name not in (*KEYS, "friction")]
        physics = _physics(robot, given, problems)
        values = {
            parameter.name: _number(given.get(parameter.name, parameter.nominal), parameter, parameter.name, problems)
            for parameter in COMMON
        }
        if not float(values["delay"]).is_integer():
            problems.append(
                Problem("delay", _("found {delay:g}", delay=values["delay"]), _("accepted: a whole number from 0 to 5"))
            )
        text = given.get("mjcf")
        if text is not None and not (robot.mujoco and isinstance(text, str)):
            found = (
                _("found something else than text")
                if robot.mujoco
                else _("{title} is no MuJoCo robot", title=robot.title)
            )
            problems.append(Problem("mjcf", found, _("accepted: the XML of a MuJoCo robot's model")))
        if problems:
            raise InputError(*problems)
        return cls(robot, physics, int(values["delay"]), values["action_gain"], values["observation_noise"], text)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The target in a JSON file. Raises InputError."""
        try:
            if path.stat().st_size > MOST_BYTES:
                raise InputError(Problem(path.name, _("it is larger than 1 MB"), ACCEPTED))
            given = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
        except OSError:
            raise InputError(Problem(path.name, _("there is no such file"), ACCEPTED)) from None
        except (ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            found = (
                _("it is no text")
                if isinstance(error, UnicodeDecodeError)
                else _("it is no JSON ({error})", error=error)
            )
            raise InputError(Problem(path.name, found, ACCEPTED)) from None
        return cls.parse(given)

    def to_dict(self) -> dict[str, Any]:
        """What `parse` reads."""
        given: dict[str, Any] = {
            "env": self.robot.env_id,
            "physics": dict(self.physics),
            "delay": self.delay,
            "action_gain": self.action_gain,
            "observation_noise": self.observation_noise,
        }
        return given if self.mjcf is None else {**given, "mjcf": self.mjcf}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def value(self, name: str) -> float:
        """The nominal or changed value of a parameter of the robot or of `COMMON`. Raises InputError."""
        if name in {parameter.name for parameter in COMMON}:
            return float(getattr(self, name))
        return self.physics.get(name, self.robot.parameter(name).nominal)

    def changed(self, **values: float) -> Self:
        """The same robot with other values, by parameter name; the nominal value takes a change back."""
        common: dict[str, Any] = {p.name: values.pop(p.name) for p in COMMON if p.name in values}
        if "delay" in common:
            common["delay"] = int(common["delay"])
        merged = {**self.physics, **{name: float(value) for name, value in values.items()}}
        kept = {name: value for name, value in merged.items() if value != self.robot.parameter(name).nominal}
        return dataclasses.replace(self, physics=kept, **common)

    def nominal(self) -> Self:
        """The simulator: the same robot with nothing changed."""
        return type(self)(self.robot)

    def differences(self) -> list[tuple[Parameter, float]]:
        """Each parameter that is not nominal, with its value."""
        every = [(parameter, self.value(parameter.name)) for parameter in (*self.robot.physics, *COMMON)]
        return [(parameter, value) for parameter, value in every if value != parameter.nominal]


def _unknown(robot: Robot, name: str) -> Problem:
    """The problem of a key that a target does not have: the nearest one, or that it is one of the physics."""
    if name in {parameter.name for parameter in robot.physics}:
        return Problem(
            name[:60], _("it stands beside physics"), _("accepted: within physics, as {{{name}: …}}", name=name)
        )
    near = difflib.get_close_matches(name, KEYS, n=1)
    hint = _("did you mean {near}? Known", near=near[0]) if near else "known"
    return Problem(name[:60], _("there is no such key"), f"{hint}: {', '.join(KEYS)}")


def _physics(robot: Robot, given: Mapping[str, Any], problems: list[Problem]) -> dict[str, float]:
    physics = given.get("physics", {})
    if not isinstance(physics, Mapping):
        problems.append(
            Problem("physics", _("found {short}", short=_short(physics)), _("accepted: an object of names and numbers"))
        )
        physics = {}
    if "friction" in given:
        physics = {**physics, "friction": given["friction"]}
    found = {}
    known = {parameter.name: parameter for parameter in robot.physics}
    for name, raw in physics.items():
        if name not in known:
            problems.append(unknown_parameter(robot, str(name)[:60]))
            continue
        value = _number(raw, known[name], _("physics {name}", name=name), problems)
        if value != known[name].nominal:
            found[name] = value
    return found


def _number(raw: Any, parameter: Parameter, where: str, problems: list[Problem]) -> float:
    """`raw` as a number within the parameter's bounds; else a problem is added and the nominal value returned."""
    unit = f" {parameter.unit}" if parameter.unit else ""
    accepted = _("accepted: {low:g} to {high:g}{unit}", low=parameter.low, high=parameter.high, unit=unit)
    try:
        number = math.nan if isinstance(raw, bool) or not isinstance(raw, int | float) else float(raw)
    except OverflowError:
        number = math.nan
    if not parameter.low <= number <= parameter.high:  # False for NaN too
        problems.append(Problem(where, _("found {short}", short=_short(raw)), accepted))
        return parameter.nominal
    return number


def _short(raw: Any) -> str:
    if isinstance(raw, float):
        return f"{raw:g}"
    try:
        text = json.dumps(raw)
    except (TypeError, ValueError, RecursionError):
        text = type(raw).__name__
    return text if len(text) <= 40 else text[:37] + "…"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key is given twice."""
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(Problem(twice[0], _("it is given twice"), _("accepted: once")))
    return dict(pairs)
