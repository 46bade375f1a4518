"""What a domain brings to a classifier's run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from engines import weights
from engines.contract import ModelCard, Recipe, Run, Skipped, Strategy
from engines.evidence.intervals import balanced
from engines.training import transfer
from engines.training.devices import accelerator, keep_freed_memory, name, precision
from engines.training.examples import LabelledExamples
from engines.training.loop import Mix
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.transfer import Learnt, Lesson


@dataclass
class Prepared:
    """Data that are ready to train on: read, split, numbered."""

    classes: list[str]
    names: list[str]
    """What each example is called: a file's path, a table's row."""
    examples: LabelledExamples
    parts: dict[str, np.ndarray]
    """'train', 'validation', 'test' -> positions in `examples`."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str
    folds: list[dict[str, np.ndarray]] = field(default_factory=list, kw_only=True)
    """Where every example is tested, each in one fold: of every fold, as `parts`."""
    fold_rates: list[float] = field(default_factory=list, kw_only=True)
    """Peak learning rate of each of their networks, once it is known."""

    @property
    def groups(self) -> list[str]:
        """One entry an example; those of one group, such as exact copies, stay on one side of every split."""
        return self.names

    @property
    def came_as(self) -> list[str]:
        """The class with which each example came, before anybody put it right."""
        return [self.classes[label] for label in self.examples.labels.tolist()]

    @property
    def dropped(self) -> np.ndarray:
        """int64 (M,): positions of the examples that somebody has left out."""
        return np.arange(0)

    @property
    def has_own_test(self) -> bool:
        """Whether the data say themselves what is tested on."""
        return False

    @property
    def has_own_parts(self) -> bool:
        """Whether the data say themselves what is tested on or what decides when to stop."""
        return self.has_own_test

    def part(self, name: str) -> LabelledExamples:
        return self.examples.subset(torch.from_numpy(self.parts[name]))

    def labels(self, part: str) -> np.ndarray:
        """int64 (N,)"""
        return self.examples.labels.numpy()[self.parts[part]]


class Keep(Protocol):
    """Writes the model to `run.path`/model, with what its exports need. Probabilities are
    softmax(logits / temperature)."""

    def __call__(
        self, run: Run, prepared: Any, learnt: Learnt, card: ModelCard, recipe: Recipe, settings: Any,
        *, on: Accelerator, temperature: float, value: float,
    ) -> None: ...  # fmt: skip


@dataclass(frozen=True)
class Domain:
    """How one domain's data are read, its networks built and its models kept."""

    settings: type[TrainSettings]
    prepare: Callable[[Recipe, ModelCard, Any, Run], Any]
    """(recipe, card, settings, run) -> Prepared. Raises InputError and Cancelled."""
    build: Callable[..., Staged]
    """(card, outputs, *, pretrained, seed) -> the network with a fresh head."""
    keep: Keep
    columns: Callable[[Any, Any, np.ndarray, Lesson, Learnt], dict[str, Any]]
    """(run.path, prepared, probabilities (N, C), lesson, learnt) -> what predictions.parquet says of each test example
    besides."""
    details: Callable[[ModelCard, Any, Any], dict[str, Any]]
    """(card, settings, prepared) -> what only this domain's page reads of `Result.details`."""
    baselines: Mapping[str, Callable[[Any], np.ndarray]] = field(default_factory=dict)
    """Name -> (prepared) -> the class it gives each test example, int64 (N,)."""
    steadier: tuple[str, dict[str, Any]] | None = None
    """What holds back a network that learns its training data by heart: in words, and as settings."""
    shown: Callable[[Any, Any, np.ndarray], dict[str, list[str | None]]] | None = None
    """(run.path, prepared, positions) -> what shows these examples: 'thumbnail', written below `run.path` and relative
    to it, or 'text'."""
    mix: Callable[[Any, Any], Mix | None] | None = None
    """(prepared, settings) -> how the examples of a batch are mixed, or None."""
    looks: Callable[[Any, Any], list[Any]] | None = None
    """(examples, settings) -> the same examples seen in several ways, over which answers are averaged."""
    zero_shot: Callable[[Any, Any, ModelCard], Staged] | None = None
    """(prepared, settings, card) -> a network that answers from the classes' names alone."""


def lesson(
    domain: Domain, prepared: Prepared, card: ModelCard, settings: TrainSettings, *, seed: int, unit: str, run: Run,
    on: Accelerator,
) -> Lesson:  # fmt: skip
    """What `training.transfer` needs to teach the network."""
    path = weights.find(card)
    return Lesson(
        build=lambda pretrained: domain.build(card, len(prepared.classes), pretrained=pretrained, seed=seed),
        weights=weights.sha256(path) if path else card.name,
        training=prepared.part("train"),
        validation=prepared.part("validation") if len(prepared.parts["validation"]) else None,
        classes=len(prepared.classes),
        settings=settings,
        seed=seed,
        metric=balanced_metric,
        unit=unit,
        run=run,
        on=on,
        mix=domain.mix and domain.mix(prepared, settings),
        zero_shot=domain.zero_shot and partial(domain.zero_shot, prepared, settings, card),
    )


def answered(
    domain: Domain, settings: TrainSettings, taught: Lesson, learnt: Learnt, examples: LabelledExamples,
    at: Tensor | None = None,
) -> np.ndarray:  # fmt: skip
    """float32 (N, C): what the network answers, averaged over the looks at each example that the settings ask for.

    With `at`, only for the examples at these positions.
    """
    looks = domain.looks(examples, settings) if domain.looks else [examples]
    answers: np.ndarray = np.mean([transfer.logits(taught, learnt, seen, at) for seen in looks], axis=0)
    return answers


def balanced_metric(logits: Tensor, labels: Tensor) -> float:
    return balanced(labels.numpy(), (logits.argmax(1) == labels).numpy())


def start(settings: TrainSettings, run: Run, strategy: Strategy) -> Accelerator:
    """The device this run trains on, said aloud."""
    keep_freed_memory()
    chosen = accelerator(settings, strategy)
    note = "" if chosen.device.type != "cpu" else ": no GPU here, training on the processor"
    run.emit("note", message=f"{name(chosen.device)}, {precision(chosen)}{note}.")
    return chosen
