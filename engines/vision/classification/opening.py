"""A recipe's photographs as they are learnt from: found, with their test, put right, and each given its part.

What is checked before a run and what the run learns from is opened here, so that both refuse the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines import paths
from engines.contract import Progress
from engines.data import labelled
from engines.data.class_names import as_known
from engines.messages import _
from engines.vision.classification.data_quality import Photograph, require_enough
from engines.vision.classification.dataset import Photographs, open_photographs
from engines.vision.classification.settings import VisionSettings
from engines.vision.medical import patients

UNIT = "photographs"


@dataclass
class Opened:
    """Photographs with their parts."""

    found: Photographs
    """As they came, with the separate test data."""
    examples: list[Photograph]
    """With the labels that a person gave them."""
    parts: np.ndarray
    """str (N,): 'train', 'validation', 'test', or 'dropped' by a person."""
    remarks: list[str]
    """What to say of corrections."""
    sha256: str

    @property
    def used(self) -> list[Photograph]:
        """The examples that nobody dropped."""
        return [example for example, part in zip(self.examples, self.parts, strict=True) if part != "dropped"]

    @property
    def classes(self) -> list[str]:
        return labelled.by_size(example.label for example in self.used)


def open_data(
    data: Path, test: Path | None, settings: VisionSettings, *, seed: int, progress: Progress | None = None
) -> Opened:
    """The photographs in `data`, tested on those in `test` where that is given.

    Raises InputError when nothing can be learnt from them or tested on, and to ask where they can be read in two ways.
    """
    found = open_photographs(data, paths.work(data), settings, progress=progress)
    if test is not None:
        own = separate(settings)
        extra = open_photographs(
            test, paths.work(test), own, progress=progress, to_train=False, like=found.columns, key=found.key
        )
        found = with_test(found, extra, test.name)
    examples, parts, remarks = labelled.in_parts(
        found.examples,
        settings.corrections,
        validation=settings.validation_fraction,
        test=settings.test_fraction,
        seed=seed,
    )
    sha256 = labelled.corrected_digest(found.sha256, settings.corrections, remarks)
    opened = Opened(found, examples, parts, remarks, sha256)
    if remarks:
        require_enough(data.name, opened.used, found.skipped, to_train=True)
    labelled.require_test(data.name, parts, UNIT)
    return opened


def separate(settings: VisionSettings) -> VisionSettings:
    """As separate test data are read: which table and which folders of the data are meant says nothing of these."""
    return replace(settings, parts="auto", table=None)


def with_test(found: Photographs, test: Photographs, name: str) -> Photographs:
    """`found` with its test part replaced by `test`; what is in both is tested on and not trained on.

    Raises InputError when `test` has a class that cannot be learnt.
    """
    renamed = as_known({example.label for example in test.examples}, found.classes)
    tested = [replace(example, label=renamed.get(example.label, example.label)) for example in test.examples]
    examples, remarks = labelled.with_test(found.examples, tested, name, UNIT)
    if not found.scans and not test.scans:
        where = _("test data {name}", name=name)
        patients.require_no_leak(where, [one.patient for one in examples], [one.split for one in examples])
    elif any(one.patient for one in examples):
        remarks.append(
            _(
                "Whether {name} is of the same patients cannot be told: they go by other hashes there. Put both into "
                "one zip, as train and test, to have it looked at.",
                name=name,
            )
        )
    if found.white and (test.brightest or 0) > found.white:
        remarks.append(
            _(
                "{name} has grey up to {brightest:.0f}: above {white:.0f} all of it is white.",
                name=name,
                brightest=test.brightest,
                white=found.white,
            )
        )
    return replace(
        found,
        examples=examples,
        skipped=found.skipped + test.skipped,
        notes=found.notes + remarks,
        sha256=hashlib.sha256((found.sha256 + test.sha256).encode()).hexdigest(),
    )
