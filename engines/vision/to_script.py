"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from engines import places, weights
from engines.contract import InputError, ModelCard, Problem, Recipe, Strategy
from engines.runs import RunFolder
from engines.training import transfer
from engines.training.devices import precision
from engines.training.settings import DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, TrainSettings
from engines.training.staged import Staged
from engines.vision import networks
from engines.vision.datasets import names_on_disk
from engines.vision.parcel import parcel
from engines.vision.pixels import SMALLEST_CROP
from engines.vision.preparing import Prepared
from engines.vision.settings import VisionSettings
from engines.vision.specialise import specialised

NEEDS = ("torch", "torchvision", "timm", "numpy", "pillow", "safetensors")


# --- while it trains ------------------------------------------------------------------------------


def record(
    folder: Path, prepared: Prepared, card: ModelCard, recipe: Recipe, settings: VisionSettings,
    *, network: Staged, on: Accelerator, value: float,
) -> None:  # fmt: skip
    """Writes lesson.json, all that the script's RUN holds, and split.csv (file, label, part) into `folder`.

    There is no split.csv where the pictures are no files of their own, as in a MedMNIST archive.
    """
    scratch = recipe.strategy is Strategy.SCRATCH
    used = transfer.unhurried(settings, settings.epochs_for(recipe.strategy)) if scratch else settings
    boundary = recipe.strategy.boundary(len(network.stages), settings.blocks)
    path = None if scratch else weights.find(card)
    format, photos = prepared.photos.format, prepared.photographs
    views = settings.views if prepared.photos.variation else 1
    refit = recipe.strategy is Strategy.FEATURES and settings.refit and len(prepared.parts["validation"]) > 0
    lesson = {
        "architecture": card.name,
        "classes": prepared.classes,
        "strategy": str(recipe.strategy),
        "seed": recipe.seed,
        "value": value,
        "size": format.size,
        "stored": format.stored,
        "framing": format.framing,
        "not_only_jpeg": not all(is_jpeg(photo.path) for photo in photos),
        "mean": format.mean,
        "std": format.std,
        "augment": settings.augment,
        "smallest": SMALLEST_CROP[settings.augment],
        "flip": settings.flip,
        "variation": prepared.photos.variation,
        "views": views,
        "checked_views": views if refit else 1,
        "plans": plans(recipe.strategy, used),
        "refit": refit,
        "batch_size": used.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "label_smoothing": settings.label_smoothing,
        "balance": settings.balance,
        "lora_rank": settings.lora_rank,
        **layers(network, boundary, settings.learning_rate_for(recipe.strategy), settings.layer_decay),
        "device": on.device.type,
        "threads": torch.get_num_threads(),
        "bf16": precision(on) == "bf16",
    }
    kept = {"script": lesson, "weights": path and weights.sha256(path), "max_seconds": settings.max_seconds}
    kept["precision"] = precision(on)
    (folder / "lesson.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    write_split(folder / "split.csv", prepared, recipe)


def is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def plans(strategy: Strategy, settings: TrainSettings) -> dict[str, dict[str, Any]]:
    """Epochs, learning rate and patience of each phase (see `training.transfer.learn`)."""

    def plan(epochs: int, rate: float) -> dict[str, Any]:
        return {"epochs": epochs, "rate": rate, "patience": settings.patience_for(epochs), "stop": epochs}

    main = plan(settings.epochs_for(strategy), settings.learning_rate_for(strategy))
    if strategy is Strategy.SCRATCH:
        return {"scratch": main}
    if strategy is Strategy.FEATURES:
        return {"head": main, "refit": main}
    head = plan(DEFAULT_EPOCHS[Strategy.FEATURES], DEFAULT_LEARNING_RATE[Strategy.FEATURES])
    return {"head": head, "fine-tuning": main}


def layers(network: Staged, boundary: int, rate: float, decay: float) -> dict[str, Any]:
    """What is frozen, what learns, and how fast each stage does, by the model's own names."""
    names = {id(module): name for name, module in network.model.named_modules()}
    stages = [
        {"layers": [names[id(module)] for module in stage.modules()], "rate": rate * decay ** (len(network.stages) - i)}
        for i, stage in enumerate(network.stages)
    ]
    steps = [stage.steps for stage in network.stages]
    return {
        "stages": stages[boundary:],
        "frozen": [step for stage in steps[:boundary] for step in stage],
        "learning": [step for stage in steps[boundary:] for step in stage],
    }


def write_split(out: Path, prepared: Prepared, recipe: Recipe) -> None:
    """One row a picture, in the order in which the run has them."""
    data, test = Path(recipe.data), Path(recipe.test or recipe.data)
    part_of = {int(row): part for part, rows in prepared.parts.items() for row in rows}
    found: dict[int, str] = {}
    for folder, own in ((data, {"train", "validation"}), (test, {"test"})):
        rows = [row for row, part in part_of.items() if part in own]
        named = names_on_disk(folder, places.work(folder), [prepared.photographs[row].path for row in rows])
        if named is None:
            return
        found |= dict(zip(rows, named, strict=True))
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "label", "part"])
        for row, name in sorted(found.items()):
            table.writerow([harmless(name), harmless(prepared.photographs[row].label), part_of[row]])


def harmless(text: str) -> str:
    """No spreadsheet takes it for a formula. One apostrophe at its start is to be taken off again."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else text


# --- when it is taken home ------------------------------------------------------------------------


def export(run: Path, out: Path, describe: Callable[[str], ModelCard]) -> Path:
    """train.py, what it reads, and the versions it ran with, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script: its pictures are no files, its
    pretrained weights are no longer to be had, or it came from a Headstart that did not note what a script needs.
    """
    model = run / "model"
    if not (model / "config.json").is_file():
        raise _refusal(run, "there is no trained model in it", "accepted: a run that is done")
    if not (model / "lesson.json").is_file():
        raise _refusal(run, "it was trained before scripts could be made of runs", "train it again to get one")
    if not (model / "split.csv").is_file():
        found = "its pictures came out of a MedMNIST archive, so a script could not name their files"
        raise _refusal(run, found, "accepted: a run on a folder or zip of images")
    kept = json.loads((model / "lesson.json").read_text(encoding="utf-8"))
    lesson = kept["script"]
    if kept["precision"] == "fp16":
        raise _refusal(run, "it was trained in fp16, which the script cannot", "accepted: mixed_precision no or bf16")
    if kept["max_seconds"]:  # no script can repeat a clock, but it can stop after as many epochs
        for event in RunFolder(run).events():
            if event.kind == "epoch" and event.data["phase"] in lesson["plans"]:
                lesson["plans"][event.data["phase"]]["stop"] = event.data["epoch"]
    state = None
    if lesson["strategy"] != Strategy.SCRATCH:
        state = pretrained(run, describe(lesson["architecture"]), kept["weights"])
    source = Path(__file__).with_name("standalone.py").read_text(encoding="utf-8")
    needs = (*NEEDS, "peft") if lesson["strategy"] == Strategy.LORA else NEEDS
    with parcel(out) as folder:
        (folder / "train.py").write_text(specialised(source, lesson), encoding="utf-8")
        (folder / "split.csv").write_bytes((model / "split.csv").read_bytes())
        known = RunFolder(run).recipe.versions
        lines = [f"{name}=={(known.get(name) or version(name)).split('+')[0]}\n" for name in needs]
        (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
        if state is not None:
            save_file(state, folder / "pretrained.safetensors", metadata={"format": "pt"})
    return out


def pretrained(run: Path, card: ModelCard, known: str | None) -> dict[str, torch.Tensor]:
    """The backbone that the run started from, under timm's names. Raises InputError when it is another one now."""
    path = weights.fetch(card)
    if known and weights.sha256(path) != known:
        found = f"the pretrained weights of {card.name} on this machine are not those it started from"
        raise _refusal(run, found, f"accepted: the file with SHA-256 {known[:8]}…")
    network = networks.build(card, 1, pretrained=True, seed=0)
    head = {id(parameter) for parameter in network.head().parameters()}
    own = {name for name, parameter in network.model.named_parameters() if id(parameter) in head}
    return {name: t.contiguous() for name, t in network.model.state_dict().items() if name not in own}


def _refusal(run: Path, found: str, accepted: str) -> InputError:
    return InputError(Problem(f"run {run.name}", found, accepted))
