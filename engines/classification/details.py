"""What a classifier's page reads of its result, beside the numbers: see docs/architecture.md."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np

from engines.classification import metrics
from engines.classification.advice import advise
from engines.classification.cross_validation import Fold, card_in_folds
from engines.classification.prepared import Prepared
from engines.classification.trial import ClassificationTrial
from engines.contract import ModelCard, Recipe, TaskInfo, Trial
from engines.evidence.verdict import compared
from engines.messages import _
from engines.training import overfitting
from engines.training.settings import TrainSettings


class Tested(Protocol):
    """What is asked of a classifier's study, once it has kept a network."""

    info: TaskInfo
    card: ModelCard
    recipe: Recipe
    folds: list[Fold]
    probabilities: np.ndarray
    calibrated: dict[str, Any]
    frozen: dict[str, Any] | None
    steadier: ClassVar[tuple[str, dict[str, Any]] | None]

    @property
    def settings(self) -> TrainSettings: ...
    @property
    def prepared(self) -> Prepared: ...
    @property
    def labels(self) -> np.ndarray: ...


def found(study: Tested, trial: ClassificationTrial, rival: Trial | None) -> dict[str, Any]:
    """`Result.details` of every classifier. `rival`: from scratch, once it is trained."""
    outcome, stages, folds = trial.kept, len(study.card.stages), len(study.folds)
    recipe, settings, info = study.recipe, study.settings, study.info
    fit = overfitting.read(outcome.progress.history, outcome.progress.best_epoch, info.metric, info.unit)
    asked = recipe, settings, fit, stages, info.unit, study.steadier, study.frozen
    beaten = False
    if isinstance(rival, ClassificationTrial):
        beaten = compared(trial.scores, rival.scores, "scratch", info.metric).side == "worse"
    early = settings.ends_early(stages)
    return {
        "classes": study.prepared.classes,
        "confusion": metrics.confusion(study.labels, study.probabilities),
        "per_class": metrics.per_class(study.labels, study.probabilities, study.prepared.classes),
        "stages": study.card.stage_view(recipe.strategy, settings.blocks, settings.depth),
        "head_parameters": sum(p.numel() for p in outcome.network.head().parameters()),
        **({"folds": folds} if folds else {}),
        **({"depth": settings.depth} if early else {}),
        "card": (card_in_folds(folds, info.unit) if folds else {})
        | (
            {"read": _(" on what the first {depth} of its {stages} blocks see", depth=settings.depth, stages=stages)}
            if early
            else {}
        ),
        "calibration": study.calibrated,
        "frozen": study.frozen,
        "learning_rate": outcome.learning_rate,
        **overfitting.details(fit),
        "next": advise(*asked, scratch_did_better=beaten),
    }
