"""Voices of one site among several: all clips that have a speaker, whatever they were for; and none, where a head is
put together of what the sites have added up."""

from __future__ import annotations

from pathlib import Path

from engines import paths
from engines.contract import Recipe, Run, Task
from engines.speech.audio.clip import Clips
from engines.speech.audio.clips import checking, open_clips
from engines.speech.audio.files import RATE
from engines.speech.audio.recordings import Reading
from engines.speech.settings import SpeakerSettings
from engines.speech.speaker import prepare
from engines.speech.speaker.fit import SpeakerStudy
from engines.speech.speaker.prepare import Prepared


class SiteStudy(SpeakerStudy):
    """See `engines.federated.opening`."""

    def __init__(self, task: Task, recipe: Recipe, settings: SpeakerSettings, run: Run, data: Path | None):
        self.own = data
        super().__init__(task, recipe, settings, run)

    def prepare(self) -> Prepared:
        found = Clips([], [], [], "", self.run.path)
        if self.own is not None:
            reading = Reading.by(self.settings, "speaker")
            work = paths.work(self.own)
            found = open_clips(self.own, work, reading, progress=checking(self.run), to_train=False)
        return prepare.prepared(found, ["test"] * len(found.clips), self.settings)

    def input(self) -> str:
        return f"mono, {RATE} samples a second"


def open_study(task: Task, recipe: Recipe, settings: SpeakerSettings, run: Run, data: Path | None) -> SiteStudy:
    """See `engines.federated.opening`. Raises InputError and Cancelled."""
    return SiteStudy(task, recipe, settings, run, data)
