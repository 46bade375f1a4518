"""From what a person brings to texts in parts: what `check` tells of, and what a run learns from, is read here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.contract import Progress
from engines.data import labelled
from engines.text.sentiment.data_quality import TEXTS
from engines.text.sentiment.dataset import LabelledText, Texts, open_texts, with_test
from engines.text.settings import TextSettings


@dataclass(frozen=True)
class InParts:
    """Texts, those of separate test data included, with the labels that a person gave them."""

    found: Texts
    """As it was read, before anything was put right."""
    texts: list[LabelledText]
    """Put right; also those that a person dropped."""
    parts: np.ndarray
    """str (N,): 'train', 'validation', 'test' or 'dropped', of each of `texts`."""
    classes: list[str]
    remarks: list[str]
    """What was put right."""
    sha256: str

    @property
    def used(self) -> list[LabelledText]:
        return [text for text, part in zip(self.texts, self.parts, strict=True) if part != "dropped"]

    @property
    def notes(self) -> list[str]:
        return [*self.found.notes, *self.remarks]


def read_in_parts(
    data: Path, test: Path | None, settings: TextSettings, *, seed: int, progress: Progress | None = None
) -> InParts:
    """Reads, checks and splits `data`, with `test` as their test part where there is one. Raises InputError where
    nothing is left to learn from or to test on."""
    found = open_texts(data, settings, progress=progress)
    if test is not None:
        apart = replace(settings, table=None, sheet=None)  # these name what is in the data
        found = with_test(found, open_texts(test, apart, like=found, to_train=False, progress=progress), test.name)
    texts, parts, remarks = labelled.in_parts(
        found.examples,
        settings.corrections,
        validation=settings.validation_fraction,
        test=settings.test_fraction,
        seed=seed,
    )
    used = [text for text, part in zip(texts, parts, strict=True) if part != "dropped"]
    if remarks or test is not None:
        labelled.require_enough(data.name, used, found.skipped, True, TEXTS)
    labelled.require_test(data.name, parts, TEXTS.many)
    digest = labelled.corrected_digest(found.sha256, settings.corrections, remarks)
    return InParts(found, texts, parts, replace(found, examples=used).classes, remarks, digest)
