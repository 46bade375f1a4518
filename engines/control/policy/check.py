"""Look at what a person brings before anything trains: a target's description, a MuJoCo model, or a robot's logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import DataReport, Progress, Strategy, Task
from engines.control import catalogue
from engines.control.logs.logs import Logs
from engines.control.policy import prepare
from engines.control.policy.settings import ControlSettings
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.simulation.robots import DELAY, Parameter
from engines.control.simulation.target import Target
from engines.messages import _

SHOWN_STEPS = 400
"""Of the first episode of a log, for a plot."""
FILMED = 4.0
"""Seconds of each world, when films are asked for."""
PATIENCE = 20.0


# --- the report -----------------------------------------------------------------------------------


def report(
    task: Task,
    data: Path,
    settings: ControlSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What `data` says of the real robot. Raises InputError.

    With `gallery`, short films of the source policy in both worlds are put there, where they can be drawn.
    """
    found = prepare.opened(data, settings.how())
    judged = prepare.opened_test(test, found)
    parts = settings.splits(found.robot.name)
    if isinstance(found, Target):
        about, notes, skipped = _of_target(found), _notes(found), []
    else:
        about, notes, skipped = _of_logs(found), _notes_of_logs(found, judged), found.skipped
        parts["train"] = len(found)
    details = {
        "robot": found.robot.name,
        "models": catalogue.suggested(found.robot.name),
        "strategies": _strategies(found),
        **about,
        **(budget(parts["train"]) if isinstance(found, Target) else {}),
        **({"judged_on": judged.to_dict()} if judged else {}),
    }
    if progress:
        progress(1, 1)
    return DataReport(
        task=task.info.name,
        data=str(data),
        n_examples=len(found) if isinstance(found, Logs) else sum(parts.values()),
        unit=_("logged steps") if isinstance(found, Logs) else _("real steps to learn from and episodes to judge by"),
        classes={},
        splits=parts,
        skipped=skipped,
        notes=notes,
        sha256=prepare.digest(found),
        gallery=_films(found, gallery) if gallery and isinstance(found, Target) else [],
        details=details,
        read_as=found.read_as if isinstance(found, Logs) else [],
    )


def budget(real: int) -> dict[str, Any]:
    """What a comparison may give to learn from, where a run has so many real steps."""
    return {"budget": {"low": max(1, real // 10), "high": real, "unit": _("real steps")}}


def _strategies(found: Target | Logs) -> list[str]:
    """Those that it allows, the suggested one first: see `adaptation.require`."""
    simulated = [IDENTIFIED] if found.robot.settable else []
    played = [RANDOMISED, Strategy.FEATURES, Strategy.FULL, Strategy.SCRATCH]
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
        notes.append(_("The robot is a MuJoCo model of your own."))
    if changes:
        notes.append(_("It differs from the simulator: {changes}.", changes="; ".join(changes)))
    elif target.mjcf is None:
        notes.append(_("It is exactly the simulator: there is no gap to cross."))
    return notes


def difference(parameter: Parameter, value: float) -> str:
    """One changed value in words: 'mass 1.4 kg instead of 1'."""
    unit = "" if parameter.unit in {"", "×", "× usual spread"} else f" {parameter.unit}"
    unit = _(" step") if parameter == DELAY and value == 1 else unit
    times = _(" times") if parameter.unit == "×" else ""
    return _(
        "{title} {value:g}{times}{unit} instead of {nominal:g}",
        title=parameter.title.lower(),
        value=value,
        times=times,
        unit=unit,
        nominal=parameter.nominal,
    )


def _notes_of_logs(logs: Logs, judged: Target | None) -> list[str]:
    notes = list(logs.notes)
    if judged is None:
        notes.append(
            _("There is no robot to play on, only its logs: a run is judged in the simulator that is fitted to them.")
        )
    return notes


def _films(target: Target, folder: Path) -> list[dict[str, Any]]:
    """The source policy in the simulator and on the target; a sentence where there is no policy or no film."""
    from engines.control.agents import model_files, pretrained
    from engines.control.simulation import video

    labels = {"nominal": _("The simulator"), "target": _("The real robot")}
    kept = pretrained.find(target.robot.name)
    if kept is None:
        note = _("There is no policy for {title} to film.", title=target.robot.title)
        return [{"name": name, "label": label, "text": note} for name, label in labels.items()]
    policy = model_files.load(kept.folder)
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
