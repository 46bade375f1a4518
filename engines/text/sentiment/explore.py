"""Texts without labels as a frozen network sees them: see `engines.unlabelled`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from engines import paths
from engines.contract import InputError, Progress, Task
from engines.text.models import encoders
from engines.text.models.tokenising import TextExamples, read_all
from engines.text.sentiment.dataset import open_texts
from engines.text.settings import TextSettings
from engines.text.unlabelled import open_unlabelled
from engines.training.examples import batches
from engines.unlabelled.examples import Unlabelled, drawn

AT_ONCE = 32
MOST_ROWS = 1_000_000
ALIKE = 0.95
"""Cosine of two texts that count as nearly the same: docs/few_labels/label_first.md says what it finds."""


def embed(
    task: Task, data: Path, settings: TextSettings, seed: int, _out: Path, progress: Progress | None
) -> Unlabelled:
    """float32 (N, D): what the task's default network makes of each text, its tokens' mean.

    Raises InputError where there is no text, or the weights are not here.
    """
    card = task.describe(task.info.default_model)
    found = open_unlabelled(data, paths.work(data), text_column=settings.text_column, most=MOST_ROWS)
    chosen = drawn(found.texts, seed)
    texts = [text for _, text in chosen]
    reader = encoders.reader(card, settings)
    network = encoders.build(card, 1, pretrained=True, seed=0)
    read = read_all(reader, texts, lambda *_: None)
    examples = TextExamples([r.windows for r in read], torch.zeros(len(texts), dtype=torch.int64), texts, reader)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    vectors = np.empty((len(texts), network.head().in_features), np.float32)
    done = 0
    for indices in batches(examples, AT_ONCE):
        with torch.no_grad():
            seen = network.run(examples.plain(indices).to(device), 0, len(network.stages))
        vectors[indices.numpy()] = seen.float().cpu().numpy()
        done += len(indices)
        if progress:
            progress(done, len(texts))
    notes = [found.note] if found.note else []
    return Unlabelled(
        "texts",
        [name for name, _ in chosen],
        texts,
        vectors,
        ALIKE,
        len(found.texts),
        came_as=_labels(data, settings, texts),
        skipped=found.skipped,
        notes=notes,
    )


def _labels(data: Path, settings: TextSettings, texts: list[str]) -> list[str]:
    """The label of each text, where the data turn out to have them; else nothing."""
    try:
        known = {example.text: example.label for example in open_texts(data, settings).examples}
    except InputError:
        return []
    own = [known.get(text, "") for text in texts]
    return own if all(own) and len(set(own)) > 1 else []
