"""What the speaker encoder hears in single clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engines.contract import ModelCard, Task
from engines.speech.audio import files
from engines.speech.models import ge2e
from engines.speech.models.ge2e_network import looks

QUIETEST = 1e-3
"""Of full scale: no sample of a clip that is louder makes it silence."""


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
            return "is silent: is the microphone on?"
        with torch.no_grad():
            heard: np.ndarray = self.network.run(looks(samples)[None], 0, len(self.network.stages))[0].numpy()
        return heard
