"""predictions.parquet of a classifier, and scratch.parquet: what the same network from scratch says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.classification.prepared import Prepared
from engines.runs import RIVAL


def write(folder: Path, prepared: Prepared, probabilities: np.ndarray, further: dict[str, Any]) -> None:
    """predictions.parquet: a row a test example, with the `further` columns at its end."""
    labels, predicted = prepared.labels("test"), probabilities.argmax(1)
    columns: dict[str, Any] = {
        "file": [prepared.names[i] for i in prepared.parts["test"]],
        "label": [prepared.classes[i] for i in labels],
        "predicted": [prepared.classes[i] for i in predicted],
        "confidence": probabilities.max(1).astype(np.float32),
        **{f"p_{label}": probabilities[:, i].astype(np.float32) for i, label in enumerate(prepared.classes)},
        **further,
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")


def write_rival(folder: Path, prepared: Prepared, logits: np.ndarray) -> None:
    """scratch.parquet: the class that the network from scratch gives each test example that it was asked about.

    logits: float32 (N, C), NaN where a baseline in folds was not asked.
    """
    asked = np.flatnonzero(np.isfinite(logits[:, 0]))
    columns = {
        "file": [prepared.names[i] for i in prepared.parts["test"][asked]],
        "predicted": [prepared.classes[i] for i in logits[asked].argmax(1)],
    }
    pq.write_table(pa.table(columns), folder / RIVAL)
