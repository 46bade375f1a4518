"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from engines import weights
from engines.contract import ModelCard, Recipe, Strategy, Task
from engines.exports import script
from engines.exports.bundle import parcel
from engines.messages import _
from engines.runs import RunFolder, refusal
from engines.training import convolutions, learnt_weights
from engines.training.devices import precision
from engines.training.strategies import GRADUAL
from engines.vision.detection import predict
from engines.vision.detection.networks import decode, families, loss
from engines.vision.detection.opening import Opened
from engines.vision.detection.prepare import Prepared
from engines.vision.detection.train import keeps
from engines.vision.detection.trial import DetectionTrial
from engines.vision.images import reading

NEEDS = ("torchvision", "numpy", "pillow", "safetensors")
PHASES = {Strategy.SCRATCH: "scratch", Strategy.FEATURES: "head"}


# --- while it trains ------------------------------------------------------------------------------


def record(recipe: Recipe, card: ModelCard, prepared: Prepared, trial: DetectionTrial, value: float) -> None:
    """Writes lesson.json, all that the script's RUN holds, and split.json (of each picture file, name, part, width,
    height, boxes and labels) beside the model."""
    spec, network, strategy = trial.spec, trial.network, recipe.strategy
    settings, whole = spec.settings, bool(getattr(network.model, "whole", False))
    learns = strategy is not Strategy.ZERO_SHOT
    boundary = strategy.boundary(len(network.stages), settings.blocks) if learns else 0
    kept = boundary if boundary and keeps(network, boundary) else 0
    epochs = settings.epochs_for(strategy) if learns else 0
    rate = settings.learning_rate_for(strategy) if learns else 0.0
    patience = settings.patience_for(epochs)
    if strategy is Strategy.SCRATCH:  # as `train.learn` has it
        patience = settings.patience or epochs
    phase = PHASES.get(strategy, "fine-tuning")
    learning = [module for stage in network.stages[boundary:] for module in stage.modules()]
    names = {id(module): name for name, module in network.model.named_modules()}
    layers = [[names[id(module)] for module in stage.modules()] for stage in network.stages]
    rates = [rate * settings.layer_decay ** (len(layers) - number) for number in range(len(layers))]
    lesson = {
        "family": spec.family.NAME,
        "strategy": str(strategy),
        "seed": recipe.seed,
        "value": value,
        "classes": prepared.opened.classes,
        "size": prepared.format.size,
        "mean": list(prepared.format.mean),
        "std": list(prepared.format.std),
        "flip": settings.flip,
        "stages_there": kept if whole else len(layers),
        "boundary": kept,
        "cut": boundary > 0,
        "resting": [name for own in layers[:boundary] for name in own] if whole else [],
        "stages": [{"layers": own, "rate": pace} for own, pace in list(zip(layers, rates, strict=True))[boundary:]]
        if strategy in GRADUAL
        else [],
        "phase": phase,
        "plans": {phase: {"epochs": epochs, "rate": rate, "patience": patience, "stop": epochs}} if learns else {},
        "batch_size": settings.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "gradual": settings.gradual and strategy in GRADUAL,
        "lora_rank": settings.lora_rank,
        "faster": learns and not whole and spec.on.device.type == "cpu" and convolutions.gain(learning),
        "usual_threshold": predict.USUAL_THRESHOLD,
        "device": spec.on.device.type,
        "threads": torch.get_num_threads(),
        "matmul": torch.get_float32_matmul_precision(),
    }
    path = None if strategy is Strategy.SCRATCH else weights.find(card)
    folder = spec.run.path / "model"
    script.keep(
        folder,
        lesson,
        weights=path and weights.sha256(path),
        max_seconds=settings.max_seconds,
        precision=precision(spec.on),
        halved=trial.progress.halved,
        resized=learns and bool(settings.scale_jitter),
    )
    text = json.dumps(split(prepared.opened), ensure_ascii=False)
    (folder / "split.json").write_text(text, encoding="utf-8")


def split(opened: Opened) -> list[dict[str, Any]]:
    """A row a picture, in the order in which the run has them."""
    return [
        {
            "file": "/".join(picture.path.parts[-picture.name.count("/") - 1 :]),
            "name": picture.name,
            "part": str(own),
            "width": picture.width,
            "height": picture.height,
            "boxes": picture.boxes.tolist(),
            "labels": [opened.classes[label] for label in picture.labels],
        }
        for picture, own in zip(opened.pictures, opened.parts, strict=True)
    ]


# --- when it is taken home ------------------------------------------------------------------------


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, detector.py and what they read, and the versions it ran with, as a folder, or as a zip when `out` ends
    in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    model = run / "model"
    kept = script.kept_of(run, _("it was trained before scripts could be made of runs"))
    if kept["precision"] != "fp32":
        raise refusal(
            run, _("it was trained in half precision, which the script cannot"), _("accepted: mixed_precision no")
        )
    if kept["halved"]:
        found = _("memory ran out and its batches were halved on the way")
        raise refusal(run, found, _("accepted: a run with a smaller batch size"))
    if kept.get("resized"):
        found = _("its pictures were shown in other sizes, which the script does not")
        raise refusal(run, found, _("accepted: a run with scale_jitter 0"))
    script.stop_as_the_run(run, kept)
    lesson = kept["script"]
    state = pretrained(task, run, lesson, kept["weights"])
    lora = ["peft"] if lesson["strategy"] == Strategy.LORA else []
    needs = dict.fromkeys((*families.named(lesson["family"]).NEEDS, *NEEDS, *lora))
    parts = [loss.__name__, decode.__name__, reading.__name__]
    with parcel(out) as folder:
        if lesson["faster"]:
            shutil.copyfile(convolutions.__file__, folder / "convolutions.py")
        script.write(folder, Path(__file__).with_name("script_template.py"), lesson, run, needs, parts=parts)
        for name in ("config.json", "detector.py", "split.json"):
            shutil.copyfile(model / name, folder / name)
        if state:
            save_file(state, folder / "pretrained.safetensors", metadata={"format": "pt"})
    return out


def pretrained(task: Task, run: Path, lesson: dict[str, Any], known: str | None) -> dict[str, Tensor]:
    """What the run started from, by the detector's own names; nothing of random weights. Of a pyramid without its head,
    which the script draws; of a published detector with the new layers that tell one's own classes. Raises InputError
    when the weights are not to be had, or are others now."""
    if lesson["strategy"] == Strategy.SCRATCH:
        return {}
    config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
    if lesson["strategy"] == Strategy.ZERO_SHOT:
        return dict(learnt_weights.whole(run / "model", lambda: predict.pretrained(config)))
    recipe = RunFolder(run).recipe
    card = task.describe(recipe.model)
    script.require_same_weights(run, card, known)
    family = families.named(lesson["family"])
    network = family.build(card, len(lesson["classes"]), pretrained=True, seed=recipe.seed, size=lesson["size"])
    state = {name: tensor.detach().clone().contiguous() for name, tensor in network.model.state_dict().items()}
    if lesson["family"] != "pyramid":
        return state
    return {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
