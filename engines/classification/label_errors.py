"""What a trained classifier says of what it learnt from: a wrong label is often one that it does not believe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.classification.prepared import Prepared
from engines.evidence import calibration

MOST_SHOWN = 300


def write(
    folder: Path,
    prepared: Prepared,
    training: np.ndarray,
    held_out: np.ndarray | None,
    temperature: float,
    shown: Callable[[np.ndarray], Mapping[str, list[str | None]]],
) -> None:
    """learnt_from.parquet: a row (file, label, predicted, confidence, thumbnail or text) for each example of training
    and validation, the likeliest wrong labels first.

    training: logits float (N, C) on the training examples; held_out: on the validation examples, before any of them
    was learnt from, or None where there are none. shown: (positions) -> what shows these examples.
    """
    positions = prepared.parts["train"]
    logits = training
    if held_out is not None:
        positions = np.concatenate([positions, prepared.parts["validation"]])
        logits = np.concatenate([training, held_out])
    labels = prepared.examples.labels.numpy()[positions]
    probabilities = calibration.probabilities(logits, temperature)
    order = np.argsort(probabilities[np.arange(len(labels)), labels], kind="stable")
    pictures = shown(positions[order[:MOST_SHOWN]])
    rest = [None] * len(order[MOST_SHOWN:])
    columns: dict[str, Any] = {
        "file": [prepared.names[i] for i in positions[order]],
        "label": [prepared.classes[i] for i in labels[order]],
        "predicted": [prepared.classes[i] for i in probabilities.argmax(1)[order]],
        "confidence": probabilities.max(1).astype(np.float32)[order],
        **{name: pa.array([*column, *rest], pa.string()) for name, column in pictures.items()},
    }
    pq.write_table(pa.table(columns), folder / "learnt_from.parquet")
