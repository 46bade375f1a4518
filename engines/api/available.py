"""What there is: tasks, models, samples, weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines import registry, weights
from engines.contract import InputError, ModelCard, Problem, Sample, Task
from engines.data import unpacked
from engines.messages import _

ABOUT_HELD_OUT = "about.json"


def tasks(domain: str | None = None) -> list[str]:
    """The names of the tasks, of one domain or all. Raises InputError for an unknown domain."""
    return registry.names(domain)


def models(domain: str | None = None) -> list[tuple[str, ModelCard]]:
    """(task, model) of the whole catalogue. Raises InputError for an unknown domain."""
    return [(name, card) for name in registry.names(domain) for card in registry.task(name).models()]


def samples(domain: str | None = None) -> list[tuple[str, Sample]]:
    """(task, sample) of all sample data. Raises InputError for an unknown domain."""
    return [(name, sample) for name in registry.names(domain) for sample in registry.task(name).samples()]


def task(name: str) -> Task:
    """The task of that name. Raises InputError for an unknown one."""
    return registry.task(name)


def make_sample(task: str, name: str, out: Path) -> Path:
    """Writes a sample below `out` and returns its path. Raises InputError."""
    return registry.task(task).make_sample(name, out)


def hold_out(task: str, data: str | Path, out: str | Path, *, most: int = 300, seed: int = 0) -> dict[str, Any]:
    """Divides labelled data into what is learnt from and what finished models are asked about, below `out`; what is
    there already stays. See `contract.Task.hold_out`; the paths are whole ones. Raises InputError."""
    found = registry.task(task)
    if not found.holds_out:
        accepted = _("accepted: a task that tells classes apart")
        raise InputError(Problem(task, _("no part of its data can be kept aside"), accepted))

    def divide(partial: Path) -> None:
        partial.mkdir(parents=True)
        told = found.hold_out(Path(data), partial, most=most, seed=seed)
        (partial / ABOUT_HELD_OUT).write_text(json.dumps(told), encoding="utf-8")

    folder = unpacked.whole(Path(out), divide)
    told: dict[str, Any] = json.loads((folder / ABOUT_HELD_OUT).read_text(encoding="utf-8"))
    return told | {name: str(folder / told[name]) for name in ("learn", "ask")}


def bring(task: str, file: str | Path, architecture: str = "") -> tuple[str, list[str]]:
    """Takes over a checkpoint of your own: the model name that it has from now on, and what of it fits, in sentences.

    `architecture` is the library's name of it; without it what lies beside the file says it. Raises InputError.
    """
    return registry.task(task).bring(Path(file), architecture)


def prefetch(domain: str | None, into: Path) -> tuple[list[Path], list[Any]]:
    """Copies the catalogue's weights; returns what was copied, and what was not and why."""
    cards = {card.name: card for _task, card in models(domain)}  # two tasks may begin with the same network
    return weights.prefetch(list(cards.values()), into)
