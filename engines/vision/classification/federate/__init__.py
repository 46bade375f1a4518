"""Pictures of one site among several: all that have a class, whatever they were for; and none, where a head is put
together of what the sites have added up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engines import paths
from engines.contract import Recipe, Run, Task
from engines.training.transfer import TrainOutcome
from engines.vision.classification import prepare
from engines.vision.classification.dataset import Photographs, open_photographs
from engines.vision.classification.fit import VisionStudy
from engines.vision.classification.opening import Opened
from engines.vision.classification.prepare import Prepared
from engines.vision.classification.settings import VisionSettings


class SiteStudy(VisionStudy):
    """See `engines.federated.opening`."""

    def __init__(self, task: Task, recipe: Recipe, settings: VisionSettings, run: Run, data: Path | None):
        self.own = data
        super().__init__(task, recipe, settings, run)

    def prepare(self) -> Prepared:
        format = prepare.input_format(self.card, self.settings)
        found = Photographs([], [], [], "")
        if self.own is not None:
            found = open_photographs(self.own, paths.work(self.own), self.settings, to_train=False)
        everything = np.full(len(found.examples), "test")
        return prepare.made_ready(
            Opened(found, found.examples, everything, [], found.sha256), format, self.settings, self.run
        )

    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        self.save(outcome, temperature)  # no script repeats what it learnt from elsewhere

    def input(self) -> str:
        return repr(self.prepared.photos.format)


def open_study(task: Task, recipe: Recipe, settings: VisionSettings, run: Run, data: Path | None) -> SiteStudy:
    """See `engines.federated.opening`. Raises InputError and Cancelled."""
    return SiteStudy(task, recipe, settings, run, data)
