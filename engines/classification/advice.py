"""The one change that a run's curves suggest."""

from __future__ import annotations

from typing import Any

from engines.contract import Recipe, Strategy
from engines.messages import _
from engines.training import overfitting
from engines.training.overfitting import Fit
from engines.training.settings import TrainSettings

Advice = dict[str, Any]
"""text, strategy, settings: what the page offers to train next; strategy None where no other training would help."""
NEAR = 0.1
"""Where the accuracy on training examples is no further above that on new ones, more of the network may learn."""


def advise(
    recipe: Recipe,
    settings: TrainSettings,
    fit: Fit | None,
    stages: int,
    unit: str,
    steadier: tuple[str, dict[str, Any]] | None,
    frozen: dict[str, Any] | None = None,
    *,
    scratch_did_better: bool = False,
) -> Advice | None:
    """`fit`: what the curves say (see `training.overfitting`). `steadier`: what holds back a network that learns its
    training data by heart, in words and as settings.

    `frozen`: how fine-tuning compared with the frozen features (see `frozen_baseline.compared`).
    """
    strategy = recipe.strategy
    whole = {"depth": 0} if settings.depth else {}  # where more than a head learns, no block is left out
    if strategy is Strategy.SCRATCH:
        return _train(_("Start from pretrained weights: the head alone learns in seconds."), Strategy.FEATURES)
    if strategy is Strategy.ZERO_SHOT:
        text = _("Nothing has learnt from your labels yet: fit a new head on them, in seconds.")
        return _train(text, Strategy.FEATURES)
    if frozen is not None and frozen["side"] == "worse":
        return _train(_("{text} Leave it frozen.", text=frozen["text"]), Strategy.FEATURES)
    if scratch_did_better:
        text = _(
            "Training from scratch did better: what is frozen does not suit these {unit}. Let more of it learn.",
            unit=unit,
        )
        return None if strategy is Strategy.FULL else _train(text, Strategy.FULL, **whole)
    if fit is None or fit.measure == "loss" or fit.value >= 1.0:  # nothing is left that more learning could gain
        return None
    if fit.reading == "by heart":
        return _by_heart(strategy, settings, fit, unit, steadier, frozen)
    if fit.reading == "still improving":
        return overfitting.longer(fit, strategy, settings)
    gap = fit.gap
    room = _(
        "New {unit} are named almost as well as known ones ({gap:.0f} points apart), so there is room",
        unit=unit,
        gap=abs(gap) * 100,
    )
    if gap < NEAR and strategy is Strategy.FEATURES:
        return _train(_("{room}: let the last block learn too.", room=room), Strategy.PARTIAL, blocks=1, **whole)
    if gap < NEAR and strategy is Strategy.PARTIAL and settings.blocks < stages:
        blocks = min(stages, settings.blocks + 2)
        return _train(
            _("{room}: let {blocks} blocks learn.", room=room, blocks=blocks), Strategy.PARTIAL, blocks=blocks
        )
    return None


def _by_heart(
    strategy: Strategy,
    settings: TrainSettings,
    fit: Fit,
    unit: str,
    steadier: tuple[str, dict[str, Any]] | None,
    frozen: dict[str, Any] | None,
) -> Advice:
    """It overfits: what can learn more would learn more by heart. Hold it back, let less learn, or bring more."""
    ways: list[overfitting.Way] = []
    if steadier:
        ways.append((_("{steadier} can hold that back", steadier=steadier[0]), strategy, steadier[1]))
    if not (frozen and frozen["side"] == "better"):
        ways.append((_("let less of the network learn"), Strategy.FEATURES, {}))
    return overfitting.held_back(fit, strategy, settings, unit, ways)


def _train(text: str, strategy: Strategy, **settings: Any) -> Advice:
    return {"text": text, "strategy": str(strategy), "settings": settings}
