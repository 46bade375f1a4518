"""Texts of one site among several: all that have a class, whatever they were for; and none, where a head is put
together of what the sites have added up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from engines.contract import Recipe, Run, Task
from engines.text.models import encoders
from engines.text.models.tokenising import TextExamples
from engines.text.sentiment import prepare
from engines.text.sentiment.dataset import open_texts
from engines.text.sentiment.fit import TextStudy
from engines.text.sentiment.prepare import Prepared
from engines.text.sentiment.reading import InParts
from engines.text.settings import TextSettings
from engines.training.transfer import TrainOutcome


class SiteStudy(TextStudy):
    """See `engines.federated.opening`."""

    def __init__(self, task: Task, recipe: Recipe, settings: TextSettings, run: Run, data: Path | None):
        self.own = data
        super().__init__(task, recipe, settings, run)

    def prepare(self) -> Prepared:
        reader = encoders.reader(self.card, self.settings)
        if self.own is None:
            none = TextExamples([], torch.empty(0, dtype=torch.int64), [], reader)
            parts = {part: np.arange(0) for part in ("train", "validation", "test")}
            return Prepared([], [], none, parts, [], [], "", [], 0, 0, {"text": "text", "label": "label"})
        found = open_texts(self.own, self.settings, to_train=False)
        everything = np.full(len(found.examples), "test")
        brought = InParts(found, found.examples, everything, found.classes, [], found.sha256)
        return prepare.made_ready(brought, reader, self.settings, self.run)

    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        self.save(outcome, temperature)  # no script repeats what it learnt from elsewhere

    def input(self) -> str:
        assert isinstance(self.prepared.examples, TextExamples)
        return self.prepared.examples.reader.identity


def open_study(task: Task, recipe: Recipe, settings: TextSettings, run: Run, data: Path | None) -> SiteStudy:
    """See `engines.federated.opening`. Raises InputError and Cancelled."""
    return SiteStudy(task, recipe, settings, run, data)
