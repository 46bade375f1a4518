"""A MuJoCo model that somebody brings: looked through as text, then compiled and tried in a process of its own.

An upload may name no other file, and a model that takes the compiler's memory or time takes it from that process only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines import paths
from engines.contract import InputError, Problem
from engines.control.simulation.robots import ROBOTS, Robot
from engines.control.simulation.target import Target
from engines.messages import _, _n

MOST_BYTES = 1_000_000
PATIENCE = 30.0
"""Seconds for compiling and a few steps."""
MOST_MEMORY = 4 << 30  # bytes of the trying process
MOST_PROCESSOR = 15  # seconds of it
ACCEPTED = _("accepted: one MJCF file (MuJoCo's XML) of a robot that is known, without references to other files")
FORBIDDEN = ("include", "extension", "plugin", "attach", "model", "replicate", "composite", "flexcomp")
"""Elements that bring in other files or other code, or stand for any number of others."""
DIRECTORIES = ("meshdir", "texturedir", "assetdir")


def read(path: Path, robot: Robot | None = None) -> Target:
    """The robot in an MJCF file, with nominal settings otherwise. Raises InputError.

    Without `robot` it is the one with as many joints and motors.
    """
    if not path.is_file():
        raise InputError(Problem(path.name, _("there is no such file"), ACCEPTED))
    if path.stat().st_size > MOST_BYTES:
        raise InputError(Problem(path.name, _("it is larger than 1 MB"), ACCEPTED))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(Problem(path.name, _("it is no text"), ACCEPTED)) from None
    found = compiled(text, robot, path.name)
    return Target(found, mjcf=text)


def compiled(text: str, robot: Robot | None, name: str = "mjcf") -> Robot:
    """The robot that a model is of. Raises InputError for one that does not compile, refers to files, does not have
    the robot's joints and motors, or falls apart in its first steps."""
    inspect(text, name)
    answer = _tried(text, robot, name)
    if "robot" not in answer:
        raise InputError(Problem(name, answer["found"], answer["accepted"]))
    return ROBOTS[answer["robot"]]


def inspect(text: str, name: str = "mjcf") -> None:
    """Looks at the XML, without MuJoCo. Raises InputError naming everything that refers to something outside it."""
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise InputError(Problem(name, _("it declares a document type"), ACCEPTED))
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise InputError(Problem(name, _("it is no XML ({error})", error=error), ACCEPTED)) from None
    if root.tag != "mujoco":
        raise InputError(
            Problem(name, _("its outermost element is <{tag}>", tag=root.tag[:40]), _("accepted: <mujoco>"))
        )
    problems = []
    for element in root.iter():
        tag = str(element.tag)
        if tag in FORBIDDEN:
            problems.append(Problem(name, _("it has an element <{tag}>", tag=tag), ACCEPTED))
        for attribute, value in element.attrib.items():
            if attribute.startswith(("file", "content_type")) or attribute in DIRECTORIES:
                found = _(
                    "<{tag}> refers to a file ({attribute}={value!r})", tag=tag, attribute=attribute, value=value[:40]
                )
                problems.append(Problem(name, found, _("accepted: a model that is all in one file")))
    if problems:
        raise InputError(*problems[:10])


def own_model(robot: Robot) -> str:
    """The text of Gymnasium's own model of a MuJoCo robot."""
    return Path(_own(robot)).read_text(encoding="utf-8")


def _tried(text: str, robot: Robot | None, name: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "engines.control.simulation.mjcf", robot.name if robot else ""]
    surroundings = {**os.environ, "PYTHONPATH": str(paths.PROJECT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        with tempfile.TemporaryDirectory() as folder:  # MuJoCo writes a log where it stands
            answer = subprocess.run(
                command, cwd=folder, env=surroundings, input=text.encode(), capture_output=True, timeout=PATIENCE
            )
        found = json.loads(answer.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise InputError(
            Problem(name, _("it could not be compiled within {patience:.0f} s", patience=PATIENCE), ACCEPTED)
        ) from None
    except (ValueError, IndexError):  # it ended without an answer
        raise InputError(Problem(name, _("MuJoCo ended while it compiled or tried it"), ACCEPTED)) from None
    return dict(found)


# --- in the process of its own --------------------------------------------------------------------


def main(text: str, name: str) -> dict[str, Any]:
    """{'robot'} of a model that works, or {'found', 'accepted'} of a problem."""
    import mujoco

    mujoco.set_mju_user_warning(lambda _: None)
    try:
        model = mujoco.MjModel.from_xml_string(text)
    except Exception as error:  # ValueError, MemoryError, FatalError: whatever the text provokes
        return {
            "found": _("it does not compile ({split})", split=" ".join(str(error).split())[:200]),
            "accepted": ACCEPTED,
        }
    found = _(
        "it has {counted} and {counted_nu}",
        counted=_counted(model.njnt, "joint"),
        counted_nu=_counted(model.nu, "motor"),
    )
    known = {robot.name: mujoco.MjModel.from_xml_path(_own(robot)) for robot in ROBOTS.values() if robot.mujoco}
    fitting = [name] if name else [n for n, m in known.items() if (m.njnt, m.nu) == (model.njnt, model.nu)]
    if not fitting:
        every = ", ".join(
            _("{title} {njnt} and {nu}", title=ROBOTS[n].title, njnt=m.njnt, nu=m.nu) for n, m in known.items()
        )
        return {"found": found, "accepted": _("accepted: {every}", every=every)}
    robot, own = ROBOTS[fitting[0]], known[fitting[0]]
    if (model.njnt, model.nu) != (own.njnt, own.nu):
        return {
            "found": found,
            "accepted": _("accepted for {title}: {njnt} and {nu}", title=robot.title, njnt=own.njnt, nu=own.nu),
        }
    if wrong := _unlike(model, own):
        return {
            "found": wrong,
            "accepted": _(
                "accepted for {title}: as in Gymnasium's {name}", title=robot.title, name=Path(_own(robot)).name
            ),
        }
    return _stepped(text, robot)


def _counted(n: int, what: str) -> str:
    return _n("{n} {what}", "{n} {what}s", n, what=what)


def _own(robot: Robot) -> str:
    """Gymnasium's own model of a robot. Gymnasium itself is not imported: pages offer the file."""
    names = {"invertedpendulum": "inverted_pendulum", "halfcheetah": "half_cheetah"}
    gymnasium = find_spec("gymnasium")
    assert gymnasium is not None
    assert gymnasium.origin is not None
    assets = Path(gymnasium.origin).parent / "envs" / "mujoco" / "assets"
    return str(assets / f"{names.get(robot.name, robot.name)}.xml")


def _unlike(model: Any, own: Any) -> str | None:
    """In what a model is not the robot: kinds and order of joints, what the motors drive, bodies that are asked for."""
    if list(model.jnt_type) != list(own.jnt_type):
        return _("its joints are of other kinds, or in another order")
    names, wanted = ([m.joint(number).name for number in range(m.njnt)] for m in (model, own))
    if names != wanted and sorted(names) == sorted(wanted):
        return _("its joints are in another order ({names})", names=", ".join(names))
    if (model.jnt_axis * own.jnt_axis).sum(axis=1).min() < 0.5:
        return _("its joints turn about other axes, or the other way round")
    if list(model.actuator_trnid[:, 0]) != list(own.actuator_trnid[:, 0]):
        return _("its motors drive other joints, or in another order")
    bodies = {model.body(number).name for number in range(model.nbody)}
    missing = [name for name in ("fingertip", "target") if name not in bodies]
    if missing and any(own.body(number).name == "fingertip" for number in range(own.nbody)):
        return _("it has no body named {missing}", missing=_(" and ").join(missing))
    return None


def _stepped(text: str, robot: Robot) -> dict[str, Any]:
    """Twenty steps with random commands: a model that falls apart by then is of no use."""
    import numpy as np

    from engines.control.simulation.environment import make

    try:
        world = make(Target(robot, mjcf=text), seed=0)
        seen, _unused2 = world.reset(seed=0)
    except Exception as error:  # whatever the model provokes
        return {
            "found": _("it cannot be simulated ({split})", split=" ".join(str(error).split())[:200]),
            "accepted": ACCEPTED,
        }
    draw = np.random.default_rng(0)
    if seen.shape != (robot.width,):
        return {
            "found": _("it is seen as {size} numbers", size=seen.size),
            "accepted": _("accepted: {width}", width=robot.width),
        }
    for _unused in range(20):
        command = draw.uniform(-robot.action_limit, robot.action_limit, robot.action_width).astype(np.float32)
        _unused3, _unused4, terminated, truncated, info = world.step(command)
        if info.get("diverged"):
            return {
                "found": _("its simulation diverges within 20 steps"),
                "accepted": _("accepted: a model that is stable"),
            }
        if terminated or truncated:
            world.reset()
    return {"robot": robot.name}


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_PROCESSOR, MOST_PROCESSOR))


if __name__ == "__main__":
    _limit()
    print(json.dumps(main(sys.stdin.buffer.read().decode(), sys.argv[1])))
