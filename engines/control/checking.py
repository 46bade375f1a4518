"""Look at what a person brings before anything trains: a target's description, a MuJoCo model, or a robot's logs."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

from engines import places
from engines.contract import DataReport, InputError, Problem, Progress, Strategy, TaskInfo
from engines.control import catalogue, mjcf
from engines.control import logs as logging
from engines.control.logs import Logs
from engines.control.robots import DELAY, Parameter, Robot, find
from engines.control.settings import ControlSettings
from engines.control.target import Target
from engines.data.archive import is_clutter, unpack
from engines.data.prepared import prepared

ACCEPTED = "accepted: a target's JSON, a MuJoCo robot's XML, or logged transitions as a table, NPZ or Minari dataset"
SHOWN_STEPS = 400
"""Of the first episode of a log, for a plot."""
FILMED = 4.0
"""Seconds of each world, when films are asked for."""
PATIENCE = 20.0


def opened(data: Path, robot: str | None = None) -> Target | Logs:
    """What `data` (a file, or a folder or zip that holds one) describes. Raises InputError.

    `robot` says whose logs they are; a target or a model must be of that robot, too.
    """
    if not data.exists():
        raise InputError(Problem(data.name, "there is no such file", ACCEPTED))
    wanted = find(robot) if robot else None
    source = _inside(data)
    if source.suffix.lower() == ".xml":
        target = mjcf.read(source, wanted)
    elif source.suffix.lower() == ".json" and not _is_table(source):
        target = Target.read(source)
        if target.mjcf is not None:
            mjcf.compiled(target.mjcf, target.robot, "mjcf")
    else:
        return logging.read(source, robot)
    if wanted not in (None, target.robot):
        raise InputError(Problem("setting robot", f"{source.name} is of {target.robot.title}", f"found {robot}"))
    return target


def opened_target(data: Path, robot: Robot) -> Target:
    """The robot that a run is judged on, given beside its data. Raises InputError where it is none, or another."""
    found = opened(data)
    if not isinstance(found, Target):
        raise InputError(
            Problem(data.name, "it holds logs, on which nothing can be played", "accepted: a target's JSON")
        )
    if found.robot != robot:
        raise InputError(Problem(data.name, f"it is of {found.robot.title}", f"accepted here: {robot.title}"))
    return found


def _inside(data: Path) -> Path:
    """The description or model in a folder or zip; the folder itself where it holds something else."""
    if data.is_file() and zipfile.is_zipfile(data) and data.suffix.lower() not in {".npz", ".xlsx"}:
        data, _ = prepared(data, places.work(data), lambda folder: unpack(data, folder))
    if data.is_dir():
        files = [p for p in sorted(data.rglob("*")) if p.is_file() and not is_clutter(str(p.relative_to(data)))]
        if len(files) == 1:
            return files[0]
    return data


def _is_table(path: Path) -> bool:
    """Whether a JSON file is a list of rows."""
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


# --- the report -----------------------------------------------------------------------------------


def report(
    info: TaskInfo,
    data: Path,
    settings: ControlSettings,
    *,
    gallery: Path | None = None,
    test: Path | None = None,
    progress: Progress | None = None,
) -> DataReport:
    """What `data` says of the real robot. Raises InputError.

    With `gallery`, short films of the source policy in both worlds are put there, where they can be drawn.
    """
    found = opened(data, settings.robot)
    judged = opened_target(test, found.robot) if test else None
    parts = settings.splits(found.robot.name)
    if isinstance(found, Target):
        about, notes, skipped = _of_target(found), _notes(found), []
        digest = hashlib.sha256(found.to_json().encode()).hexdigest()
    else:
        about, notes, skipped = _of_logs(found), _notes_of_logs(found, judged), found.skipped
        digest = found.sha256()
        parts["train"] = len(found)
    details = {
        "robot": found.robot.name,
        "models": catalogue.suggested(found.robot.name),
        "strategies": _strategies(found),
        **about,
        **({"judged_on": judged.to_dict()} if judged else {}),
    }
    if progress:
        progress(1, 1)
    return DataReport(
        task=info.name,
        data=str(data),
        n_examples=sum(parts.values()),
        classes={},
        splits=parts,
        skipped=skipped,
        notes=notes,
        sha256=digest,
        gallery=_films(found, gallery) if gallery and isinstance(found, Target) else [],
        details=details,
    )


def _strategies(found: Target | Logs) -> list[str]:
    """Those that it allows, the suggested one first: see `ways.require`."""
    simulated = [Strategy.IDENTIFIED] if found.robot.settable else []
    played = [Strategy.RANDOMISED, Strategy.FEATURES, Strategy.FULL, Strategy.SCRATCH]
    return [*simulated, *(played if isinstance(found, Target) else []), Strategy.ZERO_SHOT]


def _of_target(target: Target) -> dict[str, Any]:
    return {"kind": "target" if target.mjcf is None else "mjcf", "target": target.to_dict()}


def _of_logs(logs: Logs) -> dict[str, Any]:
    n = min(SHOWN_STEPS, int((logs.episodes == logs.episodes[0]).sum()))
    seen = {name: logs.observations[:n, i].tolist() for i, (name, _) in enumerate(logs.robot.observations)}
    names = ("choice",) if logs.robot.discrete else logs.robot.actions
    done = {name: logs.actions[:n, i].tolist() for i, name in enumerate(names)}
    rewards = [None if reward != reward else float(reward) for reward in logs.rewards[:n]]
    return {
        "kind": "logs",
        "target": Target(logs.robot).to_dict(),
        "transitions": len(logs),
        "episodes": logs.n_episodes,
        "columns": logs.columns,
        "in_order": logs.in_order,
        "first_episode": {"observations": seen, "actions": done, "rewards": rewards},
    }


def _notes(target: Target) -> list[str]:
    changes = [difference(parameter, value) for parameter, value in target.differences()]
    notes = []
    if target.mjcf is not None:
        notes.append("The robot is a MuJoCo model of your own.")
    if changes:
        notes.append(f"It differs from the simulator: {'; '.join(changes)}.")
    elif target.mjcf is None:
        notes.append("It is exactly the simulator: there is no gap to cross.")
    return notes


def difference(parameter: Parameter, value: float) -> str:
    """One changed value in words: 'mass 1.4 kg instead of 1'."""
    unit = "" if parameter.unit in {"", "×", "× usual spread"} else f" {parameter.unit}"
    unit = " step" if parameter == DELAY and value == 1 else unit
    times = " times" if parameter.unit == "×" else ""
    return f"{parameter.title.lower()} {value:g}{times}{unit} instead of {parameter.nominal:g}"


def _notes_of_logs(logs: Logs, judged: Target | None) -> list[str]:
    notes = list(logs.notes)
    if not logs.robot.settable:
        notes.append(f"The physics of {logs.robot.title} cannot be read from logs: bring a target's JSON.")
    if judged is None:
        notes.append(
            "There is no robot to play on, only its logs: a run is judged in the simulator that is fitted to them."
        )
    return notes


def _films(target: Target, folder: Path) -> list[dict[str, Any]]:
    """The source policy in the simulator and on the target; a sentence where there is no policy or no film."""
    from engines.control import keeping, policies, video

    labels = {"nominal": "The simulator", "target": "The real robot"}
    kept = policies.find(target.robot.name)
    if kept is None:
        note = f"There is no policy for {target.robot.title} to film."
        return [{"name": name, "label": label, "text": note} for name, label in labels.items()]
    policy = keeping.load(kept.folder)
    worlds = {"nominal": (policy, target.nominal()), "target": (policy, target)}
    drawn = video.record(folder, worlds, seed=0, seconds=FILMED, patience=PATIENCE)
    return [
        {"name": name, "label": label}
        | (
            {"thumbnail": str(folder / drawn["videos"][name])}
            if name in drawn["videos"]
            else {"text": drawn["video_note"]}
        )
        for name, label in labels.items()
    ]
