"""What there is: tasks, models, samples, weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines import registry, weights
from engines.contract import ModelCard, Sample, Task


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


def bring(task: str, file: str | Path, architecture: str = "") -> tuple[str, list[str]]:
    """Takes over a checkpoint of your own: the model name that it has from now on, and what of it fits, in sentences.

    `architecture` is the library's name of it; without it what lies beside the file says it. Raises InputError.
    """
    return registry.task(task).bring(Path(file), architecture)


def prefetch(domain: str | None, into: Path) -> tuple[list[Path], list[Any]]:
    """Copies the catalogue's weights; returns what was copied, and what was not and why."""
    cards = {card.name: card for _, card in models(domain)}  # two tasks may begin with the same network
    return weights.prefetch(list(cards.values()), into)
