"""The knobs of the task. Light: pages read it.

To change: add a field with `setting(default, help, low=…, high=…)` and read it where it matters; take out of `hidden`
what your networks and your script can do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engines.training.settings import TrainSettings

LENGTH = 64
"""Numbers in a signal."""


@dataclass(frozen=True)
class ShapesSettings(TrainSettings):
    """How a classifier of signals learns: as every network does."""

    hidden: ClassVar[frozenset[str]] = frozenset({"depth", "folds", "gradual", "lora_rank", "views"})
