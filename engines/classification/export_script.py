"""What a classifier's run notes for the script that repeats it, and what is asked before one is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engines import weights
from engines.classification.few_labels import prototypes
from engines.classification.fit import ClassificationStudy
from engines.contract import Strategy
from engines.exports import script
from engines.messages import _, told
from engines.runs import refusal
from engines.training import transfer
from engines.training.devices import precision
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.strategies import GRADUAL
from engines.training.transfer import TrainOutcome

REFUSED = (
    (
        "halved",
        _("memory ran out and its batches were halved on the way"),
        _("accepted: a run with a smaller batch size"),
    ),
    (
        "clock",
        _("the clock ended it, in each of its folds elsewhere"),
        _("accepted: a run with folds 0 or no max_seconds"),
    ),
    ("federated", _("what it learnt from is at several sites"), _("accepted: the sites' files, and federate merge")),
    ("unchecked", _("one of its folds had too few examples to choose an epoch by"), _("accepted: a run with folds 0")),
    ("test_time", _("it averages several looks at each picture, and is from before scripts did"), _("train it again")),
    ("start", _("it goes on from another run"), _("accepted: a run that started from a model of the catalogue")),
    ("folds", _("it was tested in folds, which the script does not"), _("accepted: a run with folds 0")),
)
"""What is noted of a run, and why no script repeats it when that is not 0 or none. `folds` is noted of texts; runs on
pictures from before their script knew folds and several looks note these, too."""


# --- while it trains ------------------------------------------------------------------------------


def lesson(study: ClassificationStudy[Any, Any], learnt: TrainOutcome, value: float) -> dict[str, Any]:
    """What the script's RUN holds whatever the examples are."""
    prepared, recipe, settings, on = study.prepared, study.recipe, study.settings, study.on
    scratch, averaged = recipe.strategy is Strategy.SCRATCH, recipe.strategy is Strategy.PROTOTYPES
    checked = len(prepared.parts["validation"]) > 0
    folds = [f"fold_{number}" for number, _ in enumerate(prepared.folds, 1)]
    rates = dict(zip(folds, prepared.fold_rates, strict=True)) | ({"part": learnt.learning_rate} if folds else {})
    given = settings.learning_rate is not None  # else it may have been looked for, in each fold
    settings = replace(settings, learning_rate=learnt.learning_rate)
    used = transfer.unhurried(settings, settings.epochs_for(recipe.strategy)) if scratch else settings
    return {
        "classes": prepared.classes,
        "folds": folds,
        "rates": rates if settings.find_learning_rate and not given else {},
        "layer_decay": settings.layer_decay,
        "strategy": str(recipe.strategy),
        "seed": recipe.seed,
        "value": value,
        "mean_length": prototypes.mean_length(learnt.network.head()) if averaged else 0.0,
        "plans": plans(recipe.strategy, used),
        "refit": (averaged or recipe.strategy is Strategy.FEATURES) and settings.refit and checked,
        "batch_size": used.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "label_smoothing": settings.label_smoothing,
        "gradual": settings.gradual and recipe.strategy in GRADUAL,
        "balance": settings.balance,
        "lora_rank": settings.lora_rank,
        "stages": stages(learnt, recipe.strategy, settings),
        "device": on.device.type,
        "threads": torch.get_num_threads(),
        "matmul": torch.get_float32_matmul_precision(),
        "bf16": precision(on) == "bf16",
    }


def plans(strategy: Strategy, settings: TrainSettings) -> dict[str, dict[str, Any]]:
    """Epochs, learning rate and patience of each phase (see `training.transfer.learn`)."""

    def plan(epochs: int, rate: float) -> dict[str, Any]:
        return {"epochs": epochs, "rate": rate, "patience": settings.patience_for(epochs), "stop": epochs}

    if strategy in {Strategy.ZERO_SHOT, Strategy.PROTOTYPES}:
        return {}
    main = plan(settings.epochs_for(strategy), settings.learning_rate_for(strategy))
    if strategy is Strategy.SCRATCH:
        return {"scratch": main}
    if strategy is Strategy.FEATURES:
        return {"head": main, "refit": main}
    head = plan(settings.default_epochs[Strategy.FEATURES], settings.default_rates[Strategy.FEATURES])
    return {"head": head, "fine-tuning": main}


def stages(learnt: TrainOutcome, strategy: Strategy, settings: TrainSettings) -> list[dict[str, Any]]:
    """What learns, stage by stage, by the model's own names of its layers, and how fast."""
    network: Staged = learnt.network
    if strategy not in GRADUAL:
        return []
    names = {id(module): name for name, module in network.model.named_modules()}
    number, boundary = len(network.stages), strategy.boundary(len(network.stages), settings.blocks)
    rate = settings.learning_rate_for(strategy)
    return [
        {
            "layers": [names[id(module)] for module in stage.modules()],
            "rate": rate * settings.layer_decay ** (number - i),
        }
        for i, stage in enumerate(network.stages)
    ][boundary:]


def keep(lesson: dict[str, Any], study: ClassificationStudy[Any, Any], learnt: TrainOutcome, **further: Any) -> None:
    """Writes lesson.json: RUN, and what `lesson_of` asks before it makes a script of it."""
    settings = study.settings
    path = None if lesson["strategy"] == Strategy.SCRATCH else weights.find(study.card)
    script.keep(
        study.run.path / "model",
        lesson,
        weights=path and weights.sha256(path),
        max_seconds=settings.max_seconds,
        precision=study.precision,
        halved=learnt.progress.halved,
        clock=settings.max_seconds if lesson["folds"] else None,
        start=None if study.recipe.start is None else "run",
        **further,
    )


# --- when it is taken home ------------------------------------------------------------------------


def lesson_of(run: Path) -> tuple[dict[str, Any], str | None]:
    """What the script's RUN holds, and the SHA-256 of the weights that the run started from.

    Raises InputError with one sentence where no script can repeat the run.
    """
    kept = script.kept_of(run, _("it was trained before scripts could be made of runs"))
    earlier: dict[str, Any] = {
        "shallow": None,
        "left_out": [],
        "matmul": "highest",
        "faster": False,
        "folds": [],
        "rates": {},
        "test_time": "none",
        "npz": False,
    }
    kept["script"] = earlier | kept["script"]
    for name, found, accepted in told(REFUSED):
        if kept.get(name) not in {None, 0, "none"}:
            raise refusal(run, found, accepted)
    script.require_no_fp16(run, kept)
    script.stop_as_the_run(run, kept)
    return kept["script"], kept["weights"]
