"""The knobs of the detector. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.contract import Strategy, setting
from engines.messages import _
from engines.training.settings import TrainSettings
from engines.vision.detection.annotations.settings import AnnotationSettings

VIEWS = 2
"""As it is and mirrored: what a frozen part sees of each picture."""
SCALED = 4
"""Views in other sizes that a frozen part sees of each picture besides, where sizes vary."""
MOST_MEASURED = 100
"""Validation pictures on which things are found after each pass."""


@dataclass(frozen=True)
class DetectionSettings(AnnotationSettings, TrainSettings):
    """How a detector learns, beside how people's boxes are read."""

    hidden: ClassVar[frozenset[str]] = frozenset(
        {"depth", "folds", "views", "refit", "balance", "label_smoothing", "find_learning_rate"}
    )
    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        Strategy.FEATURES: 30,
        Strategy.PARTIAL: 24,
        Strategy.FULL: 12,
        Strategy.LORA: 12,
        Strategy.SCRATCH: 24,
    }
    default_rates: ClassVar[Mapping[Strategy, float]] = {
        Strategy.FEATURES: 2e-3,
        Strategy.PARTIAL: 1e-3,
        Strategy.FULL: 1e-3,
        Strategy.LORA: 1e-3,
        Strategy.SCRATCH: 1e-3,
    }

    batch_size: int = setting(8, _("Examples per step"), title=_("Examples at a time"), low=1, high=4096)
    blocks: int = setting(2, _("Blocks that learn with strategy 'partial', counted from the head"), low=1, high=1000)
    layer_decay: float = setting(
        0.5,
        _("Learning rate of a block relative to the next one"),
        title=_("Pace of earlier blocks"),
        low=0.05,
        high=1.0,
    )
    image_size: int = setting(
        320,
        _("Side of the input in pixels, a multiple of 32: larger finds smaller things, and takes longer"),
        title=_("Side in pixels"),
        group="data",
        low=64,
        high=1024,
    )
    flip: bool = setting(
        True,
        _("Also show mirror images; turn off where left and right matter, as in writing"),
        title=_("Mirror the pictures"),
        group="data",
    )
    scale_jitter: float = setting(
        0.0,
        _(
            "Half of the time pictures are shown larger or smaller by up to this share, and their boxes go along; what "
            "is frozen then sees each picture four times more"
        ),
        title=_("Vary the size"),
        group="data",
        low=0.0,
        high=0.5,
    )
    weight_decay: float = setting(
        0.02, _("Pull of the weights towards zero (AdamW)"), title=_("Weight decay"), low=0.0, high=10.0
    )
    validation_fraction: float = setting(
        0.15,
        _("Part of the training data that decides when to stop"),
        title=_("Share to choose by"),
        group="data",
        low=0.0,
        high=0.5,
    )
    baseline_epochs: int | None = setting(
        None,
        _(
            "Passes of the training from random weights beside; by default as many as take the run's own computation. "
            "Random weights need several times the passes to come near (He et al. 2019, arXiv 1811.08883)"
        ),
        title=_("Passes of the baseline"),
        low=1,
        high=10_000,
    )

    @property
    def kept_views(self) -> int:
        """How often a frozen part sees each training picture."""
        return (VIEWS if self.flip else 1) + (SCALED if self.scale_jitter else 0)
