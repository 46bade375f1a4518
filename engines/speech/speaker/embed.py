"""What the speaker encoder hears in single clips, and in all that somebody has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from engines import paths
from engines.contract import InputError, ModelCard, Progress, Task
from engines.messages import _
from engines.speech.audio import files, folders
from engines.speech.audio.recordings import Reading
from engines.speech.models import ge2e
from engines.speech.models.ge2e_network import looks
from engines.speech.settings import SpeakerSettings
from engines.unlabelled.embedding import Listing, embedded, whole
from engines.unlabelled.examples import Unlabelled

QUIETEST = 1e-3
"""Of full scale: no sample of a clip that is louder makes it silence."""

ALIKE = 0.98
"""Cosine of two clips that count as nearly the same; two clips of one voice come near to it."""


def load(task: Task) -> Voices:
    """See `contract.Task.embedder`."""
    return Voices(task.describe(task.info.default_model))


class Voices:
    """See `contract.Embedder`."""

    def __init__(self, card: ModelCard):
        self.network = ge2e.build(card, 1, pretrained=True, seed=0).eval()
        self.identity = card.name

    def embed(self, examples: Sequence[bytes]) -> list[np.ndarray | str]:
        """See `contract.Embedder`."""
        return [self._heard(example) for example in examples]

    def _heard(self, example: bytes) -> np.ndarray | str:
        try:
            samples = files.read(example).samples
        except files.UnreadableAudio as error:
            return str(error)
        if np.abs(samples).max() < QUIETEST:
            return _("is silent: is the microphone on?")
        with torch.no_grad():
            heard: np.ndarray = self.network.run(looks(samples)[None], 0, len(self.network.stages))[0].numpy()
        return heard


def look_through(
    task: Task, data: Path, settings: SpeakerSettings, seed: int, out: Path, progress: Progress | None
) -> Unlabelled:
    """See `engines.unlabelled`: the clips in `data`. Voices decide what lies together, not words. Raises InputError
    where there is no sound file, or the weights are not here."""
    work, reading = paths.work(data), Reading.by(settings, "speaker")
    found, skipped = folders.unlabelled(data, work, reading)

    def speakers(names: Sequence[str], _: Sequence[Path | str]) -> list[str]:
        try:
            known = {own.name: own.speaker or "" for own in folders.listing(data, work, reading).recordings}
        except InputError:
            return []
        return whole([known.get(name, "") for name in names])

    clips: list[tuple[str, Path | str]] = [(recording.name, recording.path) for recording in found]
    listing = Listing("sounds", clips, ALIKE, speakers, _small, ".ogg", skipped)
    return embedded(listing, load(task), seed, out, progress)


def _small(clip: bytes, out: Path) -> None:
    files.write(out, files.read(clip).samples)
