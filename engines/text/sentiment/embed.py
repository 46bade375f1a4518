"""What the default encoder reads in single texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engines.contract import ModelCard, Task
from engines.text.models import encoders
from engines.text.settings import TextSettings
from engines.training.tokens import Tokens


def load(task: Task) -> Texts:
    """See `contract.Task.embedder`."""
    return Texts(task.describe(task.info.default_model))


class Texts:
    """See `contract.Embedder`."""

    def __init__(self, card: ModelCard):
        self.network = encoders.build(card, 1, pretrained=True, seed=0).eval()
        self.reader = encoders.reader(card, TextSettings())
        self.identity = self.reader.identity.replace("/", "-")

    def embed(self, examples: Sequence[bytes]) -> list[np.ndarray | str]:
        """See `contract.Embedder`."""
        if not examples:
            return []
        texts = [example.decode("utf-8", "replace").strip() for example in examples]
        windows = [read.windows for read in self.reader.read([text or "." for text in texts])]
        with torch.no_grad():
            seen = self.network.run(Tokens.padded(windows, self.reader.padding), 0, len(self.network.stages)).numpy()
        return [features if text else "is empty" for text, features in zip(texts, seen, strict=True)]
