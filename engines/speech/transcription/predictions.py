"""What is kept of the test clips: what was said, what was heard before and after, and the clips themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.speech.audio import files
from engines.speech.transcription import normalisers, word_errors
from engines.speech.transcription.prepare import Prepared, Selection

MOST_CLIPS = 200
"""Test clips that are kept with the run, to be listened to."""


def write(
    folder: Path, prepared: Prepared, testing: Selection, before: list[str], after: list[str], normaliser: str
) -> None:
    """predictions.parquet, and the test clips as small Ogg files to listen to."""
    alike = normalisers.of(normaliser)
    said, was, now = alike(testing.texts), alike(before), alike(after)
    rows = prepared.parts["test"]
    counts = {"before": word_errors.word_counts(said, was), "after": word_errors.word_counts(said, now)}
    sounds: list[str | None] = [None] * len(rows)
    for i in np.argsort(-counts["after"][:, 0], kind="stable")[:MOST_CLIPS]:
        sounds[i] = f"clips/{i:05d}.ogg"
        files.write(folder / f"clips/{i:05d}.ogg", testing.samples[i])
    columns: dict[str, Any] = {
        "file": testing.names,
        "label": testing.texts,
        "predicted": after,
        "before": before,
        "accent": testing.accents,
        "speaker": [prepared.clips[i].speaker for i in rows],
        "seconds": np.array(testing.seconds, np.float32),
        "words": counts["after"][:, 1].astype(np.int32),
        "errors_before": counts["before"][:, 0].astype(np.int32),
        "errors_after": counts["after"][:, 0].astype(np.int32),
        "sound": sounds,
        "aligned_before": [json.dumps(word_errors.aligned(*pair)) for pair in zip(said, was, strict=True)],
        "aligned_after": [json.dumps(word_errors.aligned(*pair)) for pair in zip(said, now, strict=True)],
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
