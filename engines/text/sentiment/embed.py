"""What the default encoder reads in single texts, and in all that somebody has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from engines import paths
from engines.contract import InputError, ModelCard, Progress, Task
from engines.messages import _
from engines.text.generative.conversations import asked_in
from engines.text.models import encoders
from engines.text.sentiment.dataset import open_texts
from engines.text.settings import TextSettings
from engines.text.unlabelled import open_unlabelled
from engines.training.tokens import Tokens
from engines.unlabelled.embedding import Listing, embedded, whole
from engines.unlabelled.examples import Unlabelled

MOST_ROWS = 1_000_000
ALIKE = 0.9
"""Cosine of two texts that count as nearly the same: docs/few_labels/label_first.md says what it finds."""


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
        return [features if text else _("is empty") for text, features in zip(texts, seen, strict=True)]


def look_through(
    task: Task, data: Path, settings: TextSettings, seed: int, out: Path, progress: Progress | None
) -> Unlabelled:
    """See `engines.unlabelled`: the texts in `data`. Raises InputError where there is none, or the weights are not
    here."""
    found = open_unlabelled(data, paths.work(data), text_column=settings.text_column, most=MOST_ROWS)

    def labels(_names: Sequence[str], texts: Sequence[Path | str]) -> list[str]:
        try:
            known = {example.text: example.label for example in open_texts(data, settings).examples}
        except InputError:
            return []
        return whole([known.get(str(text), "") for text in texts])

    texts = [(name, asked(text)) for name, text in found.texts]
    notes = [found.note] if found.note else []
    if texts != found.texts:
        notes.append(_("Of conversations, what people say in them is looked at, not what is answered."))
    listing = Listing("texts", list(texts), ALIKE, labels, skipped=found.skipped, notes=notes)
    seen = embedded(listing, load(task), seed, out, progress)
    return replace(seen, column=found.column, columns=found.columns)


def asked(text: str) -> str:
    """What the user says, where the text is a chat in JSON; else the text itself."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return asked_in(text)
    except ValueError:
        return text
