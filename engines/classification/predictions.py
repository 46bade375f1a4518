"""predictions.parquet of a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.classification.prepared import Prepared


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
