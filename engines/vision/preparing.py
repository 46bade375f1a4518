"""From a recipe's data to photographs that are ready to train on, and the lesson they make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import timm
import torch
from accelerate import Accelerator
from torch import Tensor

from engines import places, weights
from engines.contract import InputError, ModelCard, Problem, Recipe, Run, Skipped
from engines.data.splits import complete
from engines.evidence.intervals import balanced
from engines.training.devices import accelerator, keep_freed_memory, name, precision
from engines.training.transfer import Lesson
from engines.vision import networks
from engines.vision.datasets import Photographs, open_photographs
from engines.vision.findings import Photograph
from engines.vision.pixels import InputFormat, Photos, augmentation, decode
from engines.vision.settings import VisionSettings

UNIT = "photographs"


@dataclass
class Prepared:
    """Data that are ready to train on: decoded, split, numbered."""

    classes: list[str]
    photographs: list[Photograph]
    photos: Photos
    parts: dict[str, np.ndarray]
    """'train', 'validation', 'test' -> positions in `photographs`."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str

    def part(self, name: str) -> Photos:
        return self.photos.subset(torch.from_numpy(self.parts[name]))


def input_format(card: ModelCard, settings: VisionSettings) -> InputFormat:
    """How this network wants its pictures, as timm records it. Raises InputError for a size that it cannot take."""
    config = timm.get_pretrained_cfg(card.name, allow_unregistered=False)
    assert config is not None  # a card is only made of a name that timm knows
    size = settings.image_size or config.input_size[-1]
    if config.fixed_input_size and size != config.input_size[-1]:
        accepted = f"{card.name} takes pictures of one size, accepted: {config.input_size[-1]}"
        raise InputError(Problem("setting image_size", f"found {size}", accepted))
    return InputFormat(size, tuple(config.mean), tuple(config.std), settings.framing)


def prepare(recipe: Recipe, settings: VisionSettings, format: InputFormat, run: Run) -> Prepared:
    """Reads, checks, splits and decodes the recipe's data. Raises InputError and Cancelled."""

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        if done % 50 == 0 or done == total:
            run.emit("progress", phase="checking", done=done, total=total, unit=UNIT)

    run.emit("phase", name="checking", title=f"Checking {UNIT}")
    data = Path(recipe.data)
    found = open_photographs(data, places.work(data), progress=progress)
    if recipe.test is not None:
        test = Path(recipe.test)
        found = with_test(
            found, open_photographs(test, places.work(test), progress=progress, to_train=False), test.name
        )
    examples = found.examples
    parts = np.array(
        complete(
            [e.split for e in examples], [e.label for e in examples], [e.sha256 for e in examples],
            validation=settings.validation_fraction, test=settings.test_fraction, seed=recipe.seed,
        )
    )  # fmt: skip
    if not (parts == "test").any():
        accepted = f"accepted: more {UNIT} a class, or separate test data"
        raise InputError(Problem(data.name, f"no {UNIT} are left to test on", accepted))
    title = f"Reading {len(examples):,} {UNIT}"
    digests = np.array([e.sha256 for e in examples])
    order = hashlib.sha256("".join(digests).encode()).hexdigest()
    squares = decode([e.path for e in examples], format, name=order, run=run, unit=UNIT, title=title)
    labels = torch.tensor([found.classes.index(example.label) for example in examples])
    augment = augmentation(settings.augment, format, settings.flip)
    variation = f"{settings.augment}, flip {settings.flip}" if settings.augment != "none" else ""
    return Prepared(
        found.classes,
        examples,
        Photos(squares, labels, digests, format, augment, variation),
        {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")},
        found.skipped,
        found.notes,
        found.sha256,
    )


def with_test(found: Photographs, test: Photographs, name: str) -> Photographs:
    """`found` with its test part replaced by `test`; what is in both is tested on and not trained on.

    Raises InputError when `test` has a class that cannot be learnt.
    """
    if unknown := sorted(set(test.classes) - set(found.classes)):
        accepted = f"accepted: {', '.join(found.classes)}"
        raise InputError(Problem(f"test data {name}", f"class {unknown[0]!r} is not in the training data", accepted))
    tested = {example.sha256 for example in test.examples}
    kept = [example for example in found.examples if example.sha256 not in tested and example.split != "test"]
    notes = list(found.notes)
    if leaked := sum(example.sha256 in tested for example in found.examples):
        notes.append(f"{leaked:,} {UNIT} are in the test data too: left out of training.")
    return Photographs(
        kept + [replace(example, split="test") for example in test.examples],
        found.skipped + test.skipped,
        notes,
        hashlib.sha256((found.sha256 + test.sha256).encode()).hexdigest(),
    )


def lesson(
    prepared: Prepared, card: ModelCard, settings: VisionSettings, *, seed: int, run: Run, on: Accelerator
) -> Lesson:
    """What `training.transfer` needs to teach the network."""
    path = weights.find(card)
    return Lesson(
        build=lambda pretrained: networks.build(card, len(prepared.classes), pretrained=pretrained, seed=seed),
        weights=weights.sha256(path) if path else card.name,
        training=prepared.part("train"),
        validation=prepared.part("validation") if len(prepared.parts["validation"]) else None,
        classes=len(prepared.classes),
        settings=settings,
        seed=seed,
        metric=balanced_metric,
        unit=UNIT,
        run=run,
        on=on,
    )


def balanced_metric(logits: Tensor, labels: Tensor) -> float:
    return balanced(labels.numpy(), (logits.argmax(1) == labels).numpy())


def start(settings: VisionSettings, run: Run) -> Accelerator:
    """The device this run trains on, said aloud."""
    keep_freed_memory()
    chosen = accelerator(settings)
    note = "" if chosen.device.type != "cpu" else ": no GPU here, training on the processor"
    run.emit("note", message=f"{name(chosen.device)}, {precision(chosen)}{note}.")
    return chosen
