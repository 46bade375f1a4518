"""The policies that come with the project, as cards. Light: the numbers are in carried/*/card.json."""

from __future__ import annotations

import functools
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from engines.contract import ModelCard, Stage
from engines.control.agents.pretraining import SOURCES, Source
from engines.control.simulation.robots import ROBOTS
from engines.messages import _

FOLDER = Path(__file__).with_name("carried")
DEFAULT = "pendulum"
HEAD = {"SAC": 2, "DQN": 1}
"""Linear layers that give the action: of SAC its mean and its spread."""


@functools.cache
def cards() -> tuple[ModelCard, ...]:
    """Default first; only those that were trained well enough to come along."""
    found = [_card(source) for source in SOURCES.values() if (FOLDER / source.name / "card.json").is_file()]
    return tuple(sorted(found, key=lambda card: card.name != DEFAULT))


def find(name: str) -> ModelCard | None:
    return next((card for card in cards() if card.name == name), None)


def suggested(robot: str) -> list[str]:
    """The names of the policies for a robot, the one to start from first."""
    return [card.name for card in cards() if SOURCES[card.name].robot == robot]


def details(name: str) -> dict[str, Any]:
    """card.json: return in the simulator over 100 episodes with its interval, steps, seconds, seed."""
    known: dict[str, Any] = json.loads((FOLDER / name / "card.json").read_text(encoding="utf-8"))
    return known


def _card(source: Source) -> ModelCard:
    known, robot = details(source.name), ROBOTS[source.robot]
    widths = [robot.width, *source.widths]
    outputs = len(robot.actions)
    stages = tuple(
        Stage(f"hidden layer {number}", (inputs + 1) * width, inputs * width)
        for number, (inputs, width) in enumerate(pairwise(widths), start=1)
    )
    head = HEAD[source.algorithm] * (widths[-1] + 1) * outputs
    score = known["return"]
    how = _("physics redrawn at every episode") if source.randomise else _("nominal physics")
    return ModelCard(
        name=source.name,
        title=f"{robot.title}, {'randomised' if source.randomise else 'nominal'}",
        family=source.algorithm,
        parameters=sum(stage.parameters for stage in stages) + head,
        download_bytes=sum(file.stat().st_size for file in (FOLDER / source.name).iterdir()),
        licence="Apache-2.0",
        source=(
            _(
                "Trained for this project by scripts/train_sources.py: {steps:,} steps in "
                "{seconds:.0f} s on one processor thread, seed {seed}",
                steps=known["steps"],
                seconds=known["seconds"],
                seed=known["seed"],
            )
        ),
        source_task=(
            _(
                "{title} in simulation, {how}; return {value:.0f} ({low:.0f} to {high:.0f}) over {episodes} episodes",
                title=robot.title,
                how=how,
                value=score["value"],
                low=score["low"],
                high=score["high"],
                episodes=known["episodes"],
            )
        ),
        input=_("{width} numbers that {title} sees", width=robot.width, title=robot.title),
        stages=stages,
        head_inputs=widths[-1],
        head_parameters=head,
        correction_parameters=None if robot.discrete else _correction(source, robot.width, outputs),
        package=f"engines.control.carried.{source.name}",
        sha256=known["sha256"],
    )


def _correction(source: Source, inputs: int, outputs: int) -> int:
    """Parameters of a correction: a policy like the source's that also sees what the source would do."""
    widths = [inputs + outputs, *source.widths]
    layers = sum((before + 1) * after for before, after in pairwise(widths))
    return layers + HEAD[source.algorithm] * (widths[-1] + 1) * outputs
