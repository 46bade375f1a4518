"""How the parts of benchmarks/gpu.py take time: on a card only once it has done what it was told."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.cards.made import trained
from engines.contract import Strategy
from engines.training.settings import TrainSettings
from engines.training.staged import Staged

Row = tuple[str, str, str]
ROUNDS = 3


def settings(device: str, **more: Any) -> TrainSettings:
    return TrainSettings(device=device, patience=10_000, **more)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def waited() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median, after one round that is not counted."""
    taken = []
    for _ in range(rounds + 1):
        waited()
        began = time.perf_counter()
        work()
        waited()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def again(
    network: Staged, examples: Any, chosen: TrainSettings, strategy: Strategy, home: Path, *, epochs: int = 1
) -> Callable[[], object]:
    """That training, each time from its first epoch on."""
    number = itertools.count()
    return lambda: trained(network, examples, chosen, strategy, home, epochs=epochs, phase=f"round-{next(number)}")
