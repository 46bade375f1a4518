"""The one change that a run's curves suggest."""

from __future__ import annotations

from typing import Any

from engines.contract import Recipe, Strategy
from engines.training.checkpoint import Progress
from engines.training.settings import TrainSettings

Advice = dict[str, Any]
"""text, strategy, settings: what the page offers to train next."""


def what_next(
    recipe: Recipe,
    settings: TrainSettings,
    progress: Progress,
    stages: int,
    unit: str,
    steadier: tuple[str, dict[str, Any]] | None,
    frozen: dict[str, Any] | None = None,
) -> Advice | None:
    """`steadier`: what holds back a network that learns its training data by heart, in words and as settings.

    `frozen`: how fine-tuning compared with the frozen features (see `against_frozen.compared`).
    """
    if recipe.strategy is Strategy.SCRATCH:
        text = "Start from pretrained weights: the head alone learns in seconds."
        return {"text": text, "strategy": "features", "settings": {}}
    if recipe.strategy is Strategy.ZERO_SHOT:
        text = "Nothing has learnt from your labels yet: fit a new head on them, in seconds."
        return {"text": text, "strategy": "features", "settings": {}}
    if frozen is not None and frozen["verdict"] == "hurts":
        return {"text": f"{frozen['text']} Leave it frozen.", "strategy": "features", "settings": {}}
    best = progress.history[progress.best_epoch - 1]
    if best.get("validation_metric", 1.0) >= 1.0:  # not known, or nothing is left that more learning could gain
        return None
    gap = best["train_metric"] - best["validation_metric"]
    if recipe.strategy is Strategy.FEATURES:
        apart = f"Unfreeze the last block: training and validation accuracy are {abs(gap) * 100:.0f} points apart"
        if gap < 0.1 or steadier is None:
            room = ", so there is room" if gap < 0.1 else ""
            return {"text": f"{apart}{room}.", "strategy": "partial", "settings": {"blocks": 1}}
        words, further = steadier
        text = f"{apart}; {words} will hold it back."
        return {"text": text, "strategy": "partial", "settings": {"blocks": 1} | further}
    if gap > 0.15:
        text = f"It knows its training {unit} {gap * 100:.0f} points better than new ones: train less of it."
        return {"text": text, "strategy": "features", "settings": {}}
    if recipe.strategy is Strategy.PARTIAL and settings.blocks < stages:
        blocks = min(stages, settings.blocks + 2)
        text = f"Unfreeze {blocks} blocks: new {unit} are named almost as well as known ones."
        return {"text": text, "strategy": "partial", "settings": {"blocks": blocks}}
    return None
