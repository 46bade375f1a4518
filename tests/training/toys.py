"""Networks and examples small enough to check by hand, for the tests of the training code."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from engines.contract import Cancelled
from engines.training import devices
from engines.training.examples import Labelled
from engines.training.loop import Plan
from engines.training.settings import TrainSettings
from engines.training.staged import Staged, StageModule
from engines.training.transfer import TrainSpec


class Notebook:
    """A run that keeps its events in memory."""

    def __init__(self, path: Path, cancel_after: int | None = None):
        self.path = path
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.cancel_after = cancel_after
        """Epochs after which it asks to stop."""

    def emit(self, kind: str, **data: Any) -> None:
        self.events.append((kind, data))

    def write(self, name: str, text: str) -> Path:
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name

    def check_cancelled(self) -> None:
        if self.cancel_after is not None and len(self.epochs()) >= self.cancel_after:
            raise Cancelled

    def epochs(self, phase: str | None = None) -> list[dict[str, Any]]:
        return [data for kind, data in self.events if kind == "epoch" and phase in (None, data["phase"])]


@dataclass
class Rows(Labelled):
    """Vectors as training examples; `noise` is added when they are varied."""

    inputs: Tensor
    """float32 (N, D)"""
    labels: Tensor
    noise: float = 0.0
    identity: str = "rows"
    variation: str = ""

    def subset(self, chosen: Tensor) -> Rows:
        return replace(self, inputs=self.inputs[chosen], labels=self.labels[chosen])

    def plain(self, indices: Tensor) -> Tensor:
        return self.inputs[indices]

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        inputs = self.inputs[indices]
        return inputs + self.noise * torch.randn(inputs.shape, generator=generator)


@dataclass
class Counted(Rows):
    """Rows that count how many were handed out."""

    seen: list[int] = field(default_factory=list)

    def plain(self, indices: Tensor) -> Tensor:
        self.seen += indices.tolist()
        return super().plain(indices)


def rows(n: int, classes: int = 2, width: int = 4, seed: int = 0, **options: Any) -> Rows:
    """`n` vectors around one centre a class; classes in turn."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    centres = torch.randn(classes, width, generator=torch.Generator().manual_seed(99)) * 2
    return Rows(centres[labels] + torch.randn(n, width, generator=generator), labels, **options)


class TwoStages(nn.Module):
    """width -> hidden with batch norm -> hidden -> classes."""

    def __init__(self, width: int = 4, hidden: int = 5, classes: int = 2, dropout: float = 0.0):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout))
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x)))


def staged(seed: int = 0, **options: Any) -> Staged:
    torch.manual_seed(seed)
    model = TwoStages(**options)
    stages = [
        StageModule("first", lambda x: model.first(x), lambda: (model.first,)),
        StageModule("second", lambda x: model.second(x), lambda: (model.second,)),
    ]
    return Staged(model, stages, lambda: model.head)


def on_cpu(settings: TrainSettings | None = None) -> Accelerator:
    return devices.accelerator(settings or TrainSettings(device="cpu", mixed_precision="no"))


def plan(**changes: Any) -> Plan:
    from engines.contract import Strategy

    values = {
        "phase": "scratch",
        "title": "Training",
        "series": "scratch",
        "strategy": Strategy.SCRATCH,
        "epochs": 4,
        "learning_rate": 1e-2,
    }
    return Plan(**{**values, **changes})


def accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


def lesson(
    run: Notebook, training: Rows, validation: Rows | None, settings: TrainSettings, **options: Any
) -> TrainSpec:
    return TrainSpec(
        build=lambda pretrained: staged(seed=0 if pretrained else 1, **options),
        weights="toy weights",
        training=training,
        validation=validation,
        classes=int(training.labels.max()) + 1,
        settings=settings,
        seed=3,
        metric=accuracy,
        unit="rows",
        run=run,
        on=on_cpu(),
    )
