"""From a recipe's data to photographs that are ready to train on, split and numbered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import timm
import torch

from engines.classification import prepared
from engines.classification.few_labels import prompts
from engines.contract import InputError, ModelCard, Problem, Recipe, Run, Strategy
from engines.messages import _
from engines.vision.classification.data_quality import Photograph
from engines.vision.classification.opening import UNIT, Opened, open_data
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.transforms import InputFormat, Later, Photos, augmentation, decode
from engines.vision.models import checkpoints, image_text
from engines.vision.models.catalogue import reads_names


@dataclass
class Prepared(prepared.Prepared):
    """Photographs that are ready to train on."""

    photographs: list[Photograph]
    uncorrected: list[Photograph]
    """The same as they came, before anybody put anything right."""
    left_out: np.ndarray
    clinical: bool = field(default=False, kw_only=True)
    """Whether they are scans or pictures of patients."""
    scans: bool = field(default=False, kw_only=True)
    """Whether they were DICOM or NIfTI files."""

    @property
    def came_as(self) -> list[str]:
        return [photograph.label for photograph in self.uncorrected]

    @property
    def dropped(self) -> np.ndarray:
        return self.left_out

    @property
    def groups(self) -> list[str]:
        return [photograph.group for photograph in self.photographs]

    @property
    def owners(self) -> list[str]:
        return [photograph.group if photograph.patient else "" for photograph in self.photographs]

    @property
    def has_own_test(self) -> bool:
        return any(photograph.split == "test" for photograph in self.photographs)

    @property
    def has_own_parts(self) -> bool:
        return any(photograph.split in {"test", "validation"} for photograph in self.photographs)

    def original(self, number: int) -> Path | str:
        return self.uncorrected[number].path

    def own_part(self, number: int) -> str | None:
        return self.uncorrected[number].split

    @property
    def photos(self) -> Photos:
        assert isinstance(self.examples, Photos)
        return self.examples


def input_format(card: ModelCard, settings: VisionSettings) -> InputFormat:
    """How this network wants its pictures, as recorded with it. Raises InputError for a size that it cannot take."""
    if reads_names(card):
        own, mean, std = image_text.pixels(card)
        fixed = True
    else:
        config = timm.get_pretrained_cfg(checkpoints.architecture(card.name), allow_unregistered=False)
        assert config is not None  # a card is only made of a name that timm knows
        own, mean, std = config.input_size[-1], tuple(config.mean), tuple(config.std)
        fixed = config.fixed_input_size
        if checkpoints.is_one(card.name):
            mean, std = checkpoints.pixels(card)
    size = settings.image_size or own
    if fixed and size != own:
        accepted = _("{name} takes pictures of one size, accepted: {own}", name=card.name, own=own)
        raise InputError(Problem(_("setting image_size"), _("found {size}", size=size), accepted))
    return InputFormat(size, mean, std, settings.framing)


def unlabelled(paths: list[Path], digests: list[str], format: InputFormat, run: Run) -> Photos:
    """Pictures of no known class, as examples; `digests` are of their files. Raises InputError and Cancelled."""
    order = hashlib.sha256("".join(digests).encode()).hexdigest()
    title = _("Reading {paths:,} {unit} of the new domain", paths=len(paths), unit=UNIT)
    squares = Later(lambda: decode(paths, format, name=order, run=run, unit=UNIT, title=title))
    nothing = torch.full((len(paths),), -1)
    return Photos(squares, nothing, np.array(digests), format, augmentation("none", format, flip=False), "")


def prepare(recipe: Recipe, card: ModelCard, settings: VisionSettings, run: Run) -> Prepared:
    """Reads, checks, splits and decodes the recipe's data. Raises InputError and Cancelled."""

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        if done % 50 == 0 or done == total:
            run.emit("progress", phase="checking", done=done, total=total, unit=UNIT)

    format = input_format(card, settings)
    if settings.mix != "none" and recipe.strategy in {Strategy.FEATURES, Strategy.PARTIAL}:
        found_ = _(
            "found {mix!r} with strategy {strategy}, whose frozen part sees every picture once",
            mix=settings.mix,
            strategy=recipe.strategy,
        )
        raise InputError(
            Problem(_("setting mix"), found_, _("accepted here: none; the others go with full, lora and scratch"))
        )
    run.emit("phase", name="checking", title=_("Checking {unit}", unit=UNIT))
    test = None if recipe.test is None else Path(recipe.test)
    opened = open_data(Path(recipe.data), test, settings, seed=recipe.seed, progress=progress)
    asked = []
    if recipe.strategy is Strategy.ZERO_SHOT:
        about = prompts.sentences(opened.classes, settings.prompt, settings.class_names)
        asked.append(_("A class is as likely as a picture is near to its words, such as '{about}'.", about=about[0][0]))
    return made_ready(opened, format, settings, run, asked)


def made_ready(
    opened: Opened, format: InputFormat, settings: VisionSettings, run: Run, asked: Sequence[str] = ()
) -> Prepared:
    """The photographs numbered, and decoded once somebody looks. `asked`: what else to say of them."""
    # what was dropped is read all the same: the squares of the others are known from before it was
    examples, classes, found = opened.examples, opened.classes, opened.found
    format = replace(format, white=found.white)
    title = _("Reading {examples:,} {unit}", examples=len(examples), unit=UNIT)
    digests = np.array([e.sha256 for e in examples])
    order = hashlib.sha256("".join(digests).encode()).hexdigest()
    paths = [e.path for e in examples]
    squares = Later(lambda: decode(paths, format, name=order, run=run, unit=UNIT, title=title))
    labels = torch.tensor([classes.index(e.label) if e.label in classes else -1 for e in examples])
    augment = augmentation(settings.augment, format, settings.flip)
    variation = (
        _("{augment}, flip {flip}", augment=settings.augment, flip=settings.flip) if settings.augment != "none" else ""
    )
    return Prepared(
        classes,
        [example.name for example in examples],
        Photos(squares, labels, digests, format, augment, variation),
        {part: np.flatnonzero(opened.parts == part) for part in ("train", "validation", "test")},
        found.skipped,
        [*found.notes, *opened.remarks, *asked],
        opened.sha256,
        examples,
        found.examples,
        np.flatnonzero(opened.parts == "dropped"),
        clinical=found.clinical,
        scans=found.scans,
    )
