"""What a person brings: a description of the real robot, its MuJoCo model, or logs of it."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from engines import paths
from engines.contract import InputError, Problem, Recipe, Run
from engines.control.identification import identify, log_reading
from engines.control.logs.how import AS_FOUND, How
from engines.control.logs.logs import Logs
from engines.control.policy.settings import ControlSettings
from engines.control.simulation import mjcf
from engines.control.simulation.robots import find
from engines.control.simulation.target import Target
from engines.data.archive import unpack
from engines.data.unpacked import files_below, prepared
from engines.messages import _

ACCEPTED = _("accepted: a target's JSON, a MuJoCo robot's XML, or logged transitions as a table, NPZ or Minari dataset")
MODELS = {".xml", ".mjcf"}


def opened(data: Path, how: How = AS_FOUND) -> Target | Logs:
    """What `data` (a file, or a folder or zip that holds one) describes. Raises InputError.

    The robot that `how` names is the one whose logs they are; a target or a model must be of that robot, too.
    """
    if not data.exists():
        raise InputError(Problem(data.name, _("there is no such file"), ACCEPTED))
    wanted = find(how.robot) if how.robot else None
    source = _inside(data)
    if source.suffix.lower() in MODELS:
        target = mjcf.read(source, wanted)
    elif source.suffix.lower() == ".json" and not _is_table(source):
        target = Target.read(source)
        if target.mjcf is not None:
            mjcf.compiled(target.mjcf, target.robot, "mjcf")
    else:
        return log_reading.opened(source, how)
    if wanted not in (None, target.robot):
        raise InputError(
            Problem(
                _("setting robot"),
                _("{name} is of {title}", name=source.name, title=target.robot.title),
                _("found {robot}", robot=how.robot),
            )
        )
    return target


def opened_test(test: Path | None, found: Target | Logs) -> Target | None:
    """The robot that a run is judged on, given beside logs. Raises InputError where it is none, or another, or where
    the data are a robot themselves."""
    if test is None:
        return None
    if isinstance(found, Target):
        accepted = _("with a target description as data, leave the test out: the policy is judged there")
        raise InputError(Problem(test.name, _("a second robot to judge on"), accepted))
    if _inside(test).suffix.lower() not in {".json", *MODELS}:
        raise InputError(
            Problem(test.name, _("it holds logs, on which nothing can be played"), _("accepted: a target's JSON"))
        )
    judged = opened(test)
    assert isinstance(judged, Target)
    if judged.robot != found.robot:
        raise InputError(
            Problem(
                test.name,
                _("it is of {title}", title=judged.robot.title),
                _("accepted here: {title}", title=found.robot.title),
            )
        )
    return judged


def _inside(data: Path) -> Path:
    """The description or model in a folder or zip; the folder itself where it holds something else."""
    if data.is_file() and zipfile.is_zipfile(data) and data.suffix.lower() not in {".npz", ".xlsx"}:
        data, _ = prepared(data, paths.work(data), lambda folder: unpack(data, folder))
    if data.is_dir():
        files = files_below(data)
        if len(files) == 1:
            return files[0]
    return data


def _is_table(path: Path) -> bool:
    """Whether a JSON file is a list of rows."""
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def digest(brought: Target | Logs) -> str:
    """SHA-256 of all that matters in it."""
    if isinstance(brought, Target):
        return hashlib.sha256(brought.to_json().encode()).hexdigest()
    return brought.sha256()


@dataclass(frozen=True)
class Brought:
    """What the data came to."""

    target: Target
    """The robot that everybody is judged on."""
    kind: str
    """'target' or 'logs'."""
    real: bool
    """False where the robot that is judged on is a simulator fitted to logs."""
    sha256: str
    logs: Logs | None = None
    identified: identify.Identified | None = None
    """None of a target, and before logs are fitted to."""


def bring(recipe: Recipe, settings: ControlSettings, run: Run) -> Brought:
    """Reads the data; what logs say of the robot is left to `fitted`. Raises InputError."""
    run.emit("phase", name="reading", title=_("Reading what is known of the robot"))
    found = opened(Path(recipe.data), settings.how())
    judged = opened_test(Path(recipe.test) if recipe.test else None, found)
    sha256 = digest(found)
    if isinstance(found, Target):
        return Brought(found, "mjcf" if found.mjcf else "target", True, sha256)
    return Brought(judged or Target(found.robot), "logs", judged is not None, sha256, found)


def fitted(brought: Brought, seed: int, run: Run) -> Brought:
    """The same, with the simulator fitted to the logs: where no robot was given to judge on, that is who is judged."""
    assert brought.logs is not None
    run.emit("phase", name="caching", title=_("Fitting the simulator to the logs"))
    known = identify.identify(brought.logs, seed=seed)
    return replace(brought, identified=known, target=brought.target if brought.real else known.target)
